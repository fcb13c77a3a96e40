#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Usage: varlink.py INTERFACE.varlink HEADER

Writes a header with a varlink interface as sd-varlink wants it: a static
sd_varlink_interface by the name of the file, dots made underscores. The text
stays the only place where the interface is written down; its comments travel
along, so that introspection shows them too.
"""

import re
import sys

TOKEN = re.compile(r'#[^\n]*|\n[ \t]*\n|->|\[\]|[?():,]|[A-Za-z][A-Za-z0-9_.]*|\S')
KINDS = {'type': 'TYPE', 'method': 'METHOD', 'error': 'ERROR'}
PLAIN = {'bool': 'BOOL', 'int': 'INT', 'float': 'FLOAT', 'string': 'STRING', 'object': 'OBJECT'}


class Reader:
    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.comments = []

    def peek(self):
        """The next token that is no comment; comments before it are collected."""
        while self.tokens and (self.tokens[0][0] in '#\n'):
            token = self.tokens.pop(0)
            if token[0] == '\n':
                self.comments = []
            else:
                self.comments.append(token[1:].removeprefix(' '))
        return self.tokens[0] if self.tokens else None

    def take(self, wanted=None):
        token = self.peek()
        if token is None or (wanted and token != wanted):
            sys.exit(f'varlink.py: {token!r} where {wanted!r} should be')
        return self.tokens.pop(0)

    def comment(self):
        self.peek()
        text, self.comments = '\n'.join(self.comments), []
        return text


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"'


def fields(reader, direction):
    """The fields in parentheses as initializers; a list of bare names is an enum's."""
    result = []
    values = False
    reader.take('(')
    while reader.peek() != ')':
        comment = reader.comment()
        if comment:
            result.append(f'{{ .name = {quoted(comment)}, .field_type = _SD_VARLINK_FIELD_COMMENT }}')
        name = reader.take()
        if reader.peek() == ':':
            reader.take()
            result.append(typed(reader, name, direction))
        else:
            values = True
            result.append(f'{{ .name = "{name}", .field_type = SD_VARLINK_ENUM_VALUE }}')
        if reader.peek() == ',':
            reader.take()
    reader.take(')')
    return result, values


def typed(reader, name, direction):
    flags = []
    for mark, flag in (('?', 'SD_VARLINK_NULLABLE'), ('[]', 'SD_VARLINK_ARRAY')):
        if reader.peek() == mark:
            reader.take()
            flags.append(flag)
    type_name = reader.take()
    parts = [f'.name = "{name}"']
    if type_name in PLAIN:
        parts.append(f'.field_type = SD_VARLINK_{PLAIN[type_name]}')
    else:
        parts += ['.field_type = SD_VARLINK_NAMED_TYPE', f'.named_type = "{type_name}"',
                  f'.symbol = &type_{type_name}']
    if flags:
        parts.append(f'.field_flags = {" | ".join(flags)}')
    if direction:
        parts.append(f'.field_direction = SD_VARLINK_{direction}')
    return '{ ' + ', '.join(parts) + ' }'


def symbol(reader, interface):
    comment = reader.comment()
    keyword = reader.take()
    if keyword not in KINDS:
        sys.exit(f'varlink.py: unknown word {keyword!r}')
    name = reader.take()
    if keyword == 'method':
        body, _ = fields(reader, 'INPUT')
        reader.take('->')
        body += fields(reader, 'OUTPUT')[0]
        kind = 'SD_VARLINK_METHOD'
    else:
        body, values = fields(reader, None)
        kind = ('SD_VARLINK_ERROR' if keyword == 'error' else
                'SD_VARLINK_ENUM_TYPE' if values else 'SD_VARLINK_STRUCT_TYPE')
    more = ', .symbol_flags = SD_VARLINK_REQUIRES_MORE' if 'eeds "more"' in comment else ''
    lines = ',\n\t'.join(body + ['{ .name = NULL }'])
    print(f'static const sd_varlink_symbol {keyword}_{name} = {{ .name = "{name}", '
          f'.symbol_type = {kind}{more}, .fields = {{\n\t{lines} }} }};\n', file=interface.out)
    if comment:
        about = f'about_{keyword}_{name}'
        print(f'static const sd_varlink_symbol {about} = {{ .name = {quoted(comment)}, '
              f'.symbol_type = _SD_VARLINK_SYMBOL_COMMENT, .fields = {{ {{ .name = NULL }} }} }};\n',
              file=interface.out)
        interface.symbols.append('&' + about)
    interface.symbols.append(f'&{keyword}_{name}')


class Interface:
    def __init__(self, out):
        self.out = out
        self.symbols = []


def main():
    source, target = sys.argv[1:]
    with open(source, encoding='ascii') as file:
        reader = Reader(file.read())
    with open(target, 'w', encoding='ascii') as out:
        reader.take('interface')
        name = reader.take()
        print('/* SPDX-License-Identifier: GPL-2.0-only OR MIT */\n'
              f'/* Made from {name}.varlink by cmake/varlink.py. */\n'
              '#include <systemd/sd-varlink-idl.h>\n', file=out)
        reader.comments = []
        interface = Interface(out)
        while reader.peek():
            symbol(reader, interface)
        symbols = ',\n\t'.join(interface.symbols + ['NULL'])
        print(f'static const sd_varlink_interface {name.replace(".", "_")} = {{ .name = "{name}", '
              f'.symbols = {{\n\t{symbols} }} }};', file=out)


main()
