#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Usage: daemon-test.py HVD FAKE-WORKER FAKE-DEVICES [TEST...]

hvd as a whole, with workers that have no guests, in a directory of its own. The
client speaks varlink by hand: JSON with a NUL behind it.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIMIT = 60  # seconds that anything may take here
QEMU_STORAGE_DAEMON = '/usr/bin/qemu-storage-daemon'


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def same(got, wanted, text=''):
    check(got == wanted, f'{text}: {got!r}, not {wanted!r}')


class Client:
    """One connection. A call gives its answer, or raises Refused."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)
        self.buffer = b''
        self.descriptors = []

    def send(self, method, more=False, descriptors=(), **parameters):
        message = {'method': 'org.mullion.' + method, 'parameters': parameters}
        if more:
            message['more'] = True
        socket.send_fds(self.socket, [json.dumps(message).encode() + b'\0'], descriptors)

    def receive(self):
        while b'\0' not in self.buffer:
            data, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 4)
            self.descriptors += descriptors
            if not data:
                raise EOFError
            self.buffer += data
        message, self.buffer = self.buffer.split(b'\0', 1)
        answer = json.loads(message)
        if 'error' in answer:
            raise Refused(answer['error'], answer.get('parameters', {}))
        return answer['parameters']

    def call(self, method, **parameters):
        self.send(method, **parameters)
        answer = self.receive()
        same(answer.get('schema'), 1, method + ': schema')
        return answer

    def close(self):
        self.socket.close()


class Refused(Exception):
    def __init__(self, error, parameters):
        super().__init__(f'{error} {parameters}')
        self.error = error.removeprefix('org.mullion.')
        self.parameters = parameters


class Daemon:
    def __init__(self, hvd, worker, devices):
        self.hvd, self.worker, self.devices = hvd, worker, devices
        self.top = tempfile.mkdtemp(prefix='hvd-test-')
        self.run = self.top + '/run'
        self.kernel = self.top + '/kernel'
        with open(self.kernel, 'wb') as file:
            file.write(b'\177ELF' + bytes(100))
        self.process = None
        self.clients = []
        self.log = open(self.top + '/log', 'w+', encoding='utf-8')
        self.start()

    def command(self):
        devices = [f'--spawn-{role}={self.devices}' for role in ('vsp', 'storage', 'net', 'gpu')
                   if self.devices]
        devices.append('--spawn-image=' + QEMU_STORAGE_DAEMON)
        return [self.hvd, '--config', self.top + '/etc', '--run', self.run, '--spawn', self.worker,
                *devices, '--without-hypervisor', '--device', '/nonexistent',
                '--mshv', '/nonexistent']

    def start(self):
        self.process = subprocess.Popen(self.command(), stderr=self.log)
        self.wait(lambda: self.answers(), 'hvd comes up')

    def answers(self):
        with contextlib.suppress(OSError, EOFError):
            client = Client(self.run + '/hvd.sock')
            client.call('List')
            client.close()
            return True
        check(self.process.poll() is None, 'hvd has ended')
        return False

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.forget()

    def end(self):
        self.process.terminate()
        same(self.process.wait(LIMIT), 0, 'exit status of hvd')
        self.forget()

    def forget(self):
        for client in self.clients:
            client.close()
        self.clients = []

    def client(self, name='hvd.sock'):
        client = Client(f'{self.run}/{name}')
        self.clients.append(client)
        return client

    def call(self, method, **parameters):
        client = Client(self.run + '/hvd.sock')
        try:
            return client.call(method, **parameters)
        finally:
            client.close()

    def refused(self, error, method, **parameters):
        try:
            self.call(method, **parameters)
        except Refused as refused:
            same(refused.error, error, method)
            return refused.parameters
        raise Failure(f'{method} is not refused')

    def info(self, name='vm'):
        return self.call('Info', partition=name)['partition']

    def state(self, name='vm'):
        info = self.info(name)
        return info['state'], info['reason']

    def wait(self, condition, what):
        end = time.monotonic() + LIMIT
        while not condition():
            check(time.monotonic() < end, f'in vain: {what}')
            time.sleep(0.02)

    def wait_state(self, state, reason, name='vm'):
        self.wait(lambda: self.state(name) == (state, reason), f'{name} {state} {reason}')

    def xml(self, name='vm', more='', cmdline='quiet'):
        return (f"<domain type='mullion'>\n<name>{name}</name>\n<memory unit='MiB'>64</memory>\n"
                f"<vcpu>2</vcpu>\n<os><kernel>{self.kernel}</kernel><cmdline>{cmdline}</cmdline>"
                f"</os>\n{more}\n</domain>\n")

    def define(self, **how):
        return self.call('Define', xml=self.xml(**how))

    def processes(self, role=''):
        """Those of a role, or of all."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/cmdline', 'rb') as file:
                words = file.read().split(b'\0')
                if len(words) > 2 and words[2].startswith(f'{self.run}/{role}'.encode()):
                    found.append(int(pid))
        return found

    def workers(self):
        return self.processes('worker/')

    def process_of(self, role):
        found = self.processes(role + '/')
        same(len(found), 1, f'processes of {role}')
        return found[0]

    def calls(self):
        """What the fake devices were asked: role, pid, method, parameters."""
        if not os.path.exists(self.run + '/calls'):
            return []
        with open(self.run + '/calls', encoding='utf-8') as file:
            rows = [line.split(' ', 3) for line in file]
        return [(role, int(pid), method, json.loads(text) or {}) for role, pid, method, text in rows]

    def methods(self):
        return [f'{role} {method}' for role, _, method, _ in self.calls()]

    def forget_calls(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.run + '/calls')

    def image(self, name='disk'):
        path = f'{self.top}/{name}'
        with open(path, 'wb') as file:
            file.truncate(1 << 20)
        return path

    def disk(self, target='sda', more=''):
        return (f"<disk type='file'><source file='{self.image(target)}'/>"
                f"<target dev='{target}'/>{more}</disk>")

    def finish(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.forget()
        for name in os.listdir(self.run + '/image') if os.path.exists(self.run + '/image') else []:
            ctypes.CDLL(None).umount2(f'{self.run}/image/{name}/disk'.encode(), 2)
        for pid in self.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.log.seek(0)
        log = self.log.read()
        self.log.close()
        if os.path.ismount(self.top + '/etc'):
            ctypes.CDLL(None).umount2((self.top + '/etc').encode(), 2)
        shutil.rmtree(self.top)
        return log


def test_life(daemon):
    answer = daemon.define()
    same((answer['name'], answer['replaced']), ('vm', False), 'Define')
    uuid = answer['uuid']
    same(daemon.state(), ('shutoff', 'none'))
    number = daemon.call('Start', partition='vm')['id']
    same(daemon.state(), ('running', 'started'))
    for name in ('vm', uuid, uuid.replace('-', ''), str(number)):
        same(daemon.info(name)['uuid'], uuid, name)
    daemon.call('Suspend', partition='vm')
    same(daemon.state(), ('paused', 'requested'))
    daemon.call('Resume', partition='vm')
    same(daemon.state(), ('running', 'resumed'))
    daemon.call('Reset', partition='vm')
    same(daemon.state(), ('running', 'reset'))
    check(daemon.info()['id'] != number, 'a reset makes a new partition')
    same(len(daemon.workers()), 1, 'workers')
    daemon.call('Destroy', partition=uuid)
    same(daemon.state(), ('shutoff', 'requested'))
    check('id' not in daemon.info(), 'an id of nothing')
    daemon.wait(lambda: not daemon.workers(), 'the worker goes')
    daemon.call('Undefine', partition='vm')
    daemon.refused('NoSuchPartition', 'Info', partition='vm')
    same(os.listdir(daemon.run + '/live'), ['autostart'], 'notes')
    for role in ('worker', 'vsp', 'storage', 'net', 'gpu'):
        same(os.listdir(f'{daemon.run}/{role}'), [], f'places of {role}')


def test_states(daemon):
    daemon.define()
    allowed = {
        'shutoff': {'Start'},
        'running': {'Suspend', 'Reset', 'Destroy', 'Console'},
        'paused': {'Resume', 'Reset', 'Destroy', 'Console'},
    }
    for state, methods in allowed.items():
        for method in ('Start', 'Suspend', 'Resume', 'Reset', 'Destroy', 'Console'):
            if method not in methods:
                answer = daemon.refused('WrongState', method, partition='vm')
                same(answer['state'], state, method)
                check(state in answer['message'], answer['message'])
        same(daemon.state()[0], state)
        if state == 'shutoff':
            daemon.call('Start', partition='vm')
        elif state == 'running':
            daemon.call('Suspend', partition='vm')
    daemon.refused('WrongState', 'Shutdown', partition='vm')
    daemon.call('Resume', partition='vm')
    daemon.call('Shutdown', partition='vm')
    daemon.call('Reboot', partition='vm')
    daemon.refused('NoSuchPartition', 'Start', partition='wm')
    daemon.refused('NoSuchPartition', 'Start', partition='')
    daemon.refused('NoSuchPartition', 'Start', partition='99999999999999999999')


def test_paused(daemon):
    daemon.define()
    daemon.call('Start', partition='vm', paused=True)
    same(daemon.state(), ('paused', 'requested'))
    daemon.refused('WrongState', 'Suspend', partition='vm')
    daemon.call('Resume', partition='vm')
    same(daemon.state(), ('running', 'resumed'))


def test_bad_definitions(daemon):
    answer = daemon.refused('BadConfiguration', 'Define', file='vm.xml',
                            xml=daemon.xml(more="<devices>\n<consle type='pty'/></devices>"))
    same((answer['file'], answer['line']), ('vm.xml', 7), 'place')
    same(answer['message'], "<devices>: unknown element 'consle' (did you mean 'console'?)")
    answer = daemon.refused('Unsupported', 'Define', xml=daemon.xml(more='<cpu/>'), file='a')
    same(answer['line'], 6, 'line')
    for xml in ('', '<', '<!DOCTYPE a><a/>', daemon.xml().replace('64', '99999999')):
        daemon.refused('BadConfiguration', 'Validate', xml=xml)
    answer = daemon.refused('BadConfiguration', 'Define',
                            xml=daemon.xml().replace(daemon.kernel, '/nonexistent'))
    check('No such file' in answer['message'], answer['message'])
    same(daemon.call('List')['partitions'], [], 'partitions')
    first = daemon.define()
    answer = daemon.refused('BadConfiguration', 'Define', xml=daemon.xml(), file='x')
    check('in use' in answer['message'] and answer['line'] == 2, f'{answer}')
    same(daemon.call('Define', xml=daemon.xml(more=f"<uuid>{first['uuid']}</uuid>"))['replaced'],
         True, 'replaced')
    answer = daemon.refused('BadConfiguration', 'Define', file='x',
                            xml=daemon.xml(name='wm', more=f"<uuid>{first['uuid']}</uuid>"))
    same(answer['line'], 6, 'line')
    daemon.refused('BadConfiguration', 'Create', xml=daemon.xml(more=f"<uuid>{first['uuid']}</uuid>"))
    same(daemon.call('Validate', xml=daemon.xml(name='other'))['name'], 'other', 'Validate')
    same(len(daemon.call('List')['partitions']), 1, 'partitions')


def test_no_worker(daemon):
    """A program that ends at once, and one that is not there."""
    daemon.define()
    daemon.end()
    for daemon.worker in ('/bin/false', '/nonexistent'):
        daemon.start()
        begin = time.monotonic()
        answer = daemon.refused('Failed', 'Start', partition='vm')
        check('does not come up' in answer['message'], answer['message'])
        check(time.monotonic() - begin < 20, 'it is noticed soon')
        same(daemon.state(), ('shutoff', 'failed'))
        daemon.end()
    daemon.start()


def test_passed_sockets(daemon):
    """Sockets of systemd: whoever connects while there is no hvd waits for it."""
    daemon.define()
    daemon.end()
    sockets = []
    for name in ('hvd.sock', 'hvd-ro.sock'):
        path = f'{daemon.run}/{name}'
        os.unlink(path)
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(path)
        sockets[-1].listen()
    early = daemon.client('hvd-ro.sock')
    early.send('Info', partition='vm')

    environment = {**os.environ, 'LISTEN_FDS': '2', 'LISTEN_FDNAMES': 'hvd.sock:hvd-ro.sock'}
    own = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 10) for s in sockets]
    script = f'LISTEN_PID=$$ exec "$@" 3<&{own[0]} 4<&{own[1]} {own[0]}<&- {own[1]}<&-'
    daemon.process = subprocess.Popen(['/bin/bash', '-c', script, 'sh', *daemon.command()],
                                      stderr=daemon.log, env=environment, pass_fds=own)
    for descriptor in own:
        os.close(descriptor)
    same(early.receive()['partition']['name'], 'vm', 'the early one')
    daemon.call('Start', partition='vm')
    try:
        early.call('Destroy', partition='vm')
    except Refused as refused:
        same(refused.error, 'Denied')


def test_transient(daemon):
    answer = daemon.call('Create', xml=daemon.xml())
    check(answer['id'] and answer['uuid'], 'Create')
    same(daemon.info()['persistent'], False, 'persistent')
    daemon.refused('WrongState', 'SetAutostart', partition='vm', enable=True)
    daemon.call('Destroy', partition='vm')
    daemon.wait(lambda: not daemon.call('List')['partitions'], 'it goes away')
    daemon.refused('BadConfiguration', 'Create', xml=daemon.xml(cmdline='fail-configure'))
    daemon.wait(lambda: not daemon.call('List')['partitions'], 'it goes away')
    # Of one that runs the definition can go, and come again.
    uuid = daemon.define()['uuid']
    daemon.call('Start', partition='vm')
    daemon.call('Undefine', partition='vm')
    same(daemon.info()['persistent'], False, 'persistent')
    daemon.call('Define', xml=daemon.xml(more=f'<uuid>{uuid}</uuid>'))
    daemon.call('Destroy', partition='vm')
    same(daemon.state(), ('shutoff', 'requested'))


def test_failing_worker(daemon):
    daemon.define(cmdline='fail-configure')
    answer = daemon.refused('BadConfiguration', 'Start', partition='vm')
    same(answer['message'], 'told to  fail', 'cleaned')
    same(daemon.state(), ('shutoff', 'failed'))
    daemon.wait(lambda: not daemon.workers(), 'the worker goes')
    daemon.define(name='two', cmdline='fail-reset', more=devices_xml(daemon))
    daemon.call('Start', partition='two')
    daemon.refused('BadConfiguration', 'Reset', partition='two')
    same(len(daemon.processes()), 4, 'it has its devices')
    same(daemon.state('two'), ('running', 'started'))
    os.unlink(daemon.kernel)
    daemon.refused('BadConfiguration', 'Start', partition='vm')
    same(daemon.state('two'), ('running', 'started'))


def test_guest_ends(daemon):
    more = '<on_poweroff>{}</on_poweroff><on_reboot>{}</on_reboot><on_crash>{}</on_crash>'
    daemon.define(name='d', more=more.format('destroy', 'destroy', 'destroy'))
    daemon.define(name='r', more=more.format('restart', 'restart', 'restart'))
    daemon.define(name='p', more=more.format('destroy', 'restart', 'preserve'))
    for number, reason in ((signal.SIGUSR1, 'poweroff'), (signal.SIGUSR2, 'reboot'),
                           (signal.SIGHUP, 'triple_fault'), (signal.SIGWINCH, 'debug_exit')):
        daemon.call('Start', partition='d')
        os.kill(daemon.info('d')['worker_pid'], number)
        daemon.wait_state('shutoff', reason, 'd')
    same(daemon.info('d')['code'], 42, 'code')
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        daemon.call('Start', partition='r')
        before = daemon.info('r')
        os.kill(before['worker_pid'], number)
        daemon.wait_state('running', 'restarted', 'r')
        check(daemon.info('r')['id'] != before['id'], 'a new partition')
        daemon.call('Destroy', partition='r')
    daemon.call('Start', partition='p')
    os.kill(daemon.info('p')['worker_pid'], signal.SIGHUP)
    daemon.wait_state('crashed', 'triple_fault', 'p')
    same(daemon.info('p')['detail'], 'vcpu 0 at 0x10  [31m', 'detail')
    daemon.refused('WrongState', 'Resume', partition='p')
    daemon.call('Reset', partition='p')
    same(daemon.state('p'), ('running', 'reset'))


def test_worker_killed(daemon):
    daemon.define(name='d')
    daemon.define(name='r', more='<on_crash>restart</on_crash>')
    events = subscribe(daemon)
    for name in ('d', 'r'):
        daemon.call('Start', partition=name)
    os.kill(daemon.info('d')['worker_pid'], signal.SIGKILL)
    daemon.wait_state('shutoff', 'lost', 'd')
    before = daemon.info('r')['worker_pid']
    os.kill(before, signal.SIGKILL)
    daemon.wait_state('running', 'restarted', 'r')
    check(daemon.info('r')['worker_pid'] != before, 'a new worker')
    seen = [(e['name'], e['type'], e['reason']) for e in take(events, 5)]
    same(seen, [('d', 'started', 'started'), ('r', 'started', 'started'), ('d', 'crashed', 'lost'),
                ('r', 'crashed', 'lost'), ('r', 'started', 'restarted')], 'events')


def subscribe(daemon, **what):
    client = daemon.client()
    client.send('Subscribe', more=True, **what)
    check('partitions' in client.receive(), 'first answer')
    return client


def take(client, count):
    return [client.receive()['event'] for _ in range(count)]


def test_events(daemon):
    everything = subscribe(daemon)
    daemon.define()
    daemon.define(name='other')
    some = subscribe(daemon, partition='vm', types=['stopped', 'paused'])
    daemon.call('Start', partition='other')
    daemon.call('Start', partition='vm')
    daemon.call('Suspend', partition='vm')
    daemon.call('Resume', partition='vm')
    daemon.call('SetAutostart', partition='vm', enable=True)
    daemon.call('Destroy', partition='vm')
    daemon.call('Undefine', partition='vm')
    wanted = [('vm', 'defined'), ('other', 'defined'), ('other', 'started'), ('vm', 'started'),
              ('vm', 'paused'), ('vm', 'resumed'), ('vm', 'changed'), ('vm', 'stopped'),
              ('vm', 'undefined')]
    events = take(everything, len(wanted))
    same([(e['name'], e['type']) for e in events], wanted, 'events')
    same([e['sequence'] for e in events], list(range(1, len(wanted) + 1)), 'sequence')
    check(all(abs(e['time_ns'] / 1e9 - time.time()) < LIMIT for e in events), 'times')
    same([(e['type'], e['state']) for e in take(some, 2)],
         [('paused', 'paused'), ('stopped', 'shutoff')], 'filtered')
    try:
        daemon.call('Subscribe')
    except Refused as refused:
        same(refused.error, 'org.varlink.service.ExpectedMore')
    else:
        raise Failure('Subscribe without more')
    for types in (['nonsense'], [1], 'stopped'):
        try:
            subscribe(daemon, types=types)
        except Refused as refused:
            same(refused.error, 'org.varlink.service.InvalidParameter')
        else:
            raise Failure('Subscribe to nonsense')


def test_deaf_subscriber(daemon):
    daemon.define()
    deaf = subscribe(daemon)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client = daemon.client()
    for i in range(4000):
        client.call('SetAutostart', partition='vm', enable=bool(i % 2))
    count = 0
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            deaf.receive()
            count += 1
    check(count < 4000, f'{count} events for one that does not read')
    many = [subscribe(daemon) for _ in range(64)]
    try:
        subscribe(daemon)
    except Refused as refused:
        same(refused.error, 'Busy')
    else:
        raise Failure('65 subscribers')
    # Those that go make room, even though nothing happens.
    for client in many:
        client.close()
    daemon.wait(lambda: can_subscribe(daemon), 'room for a subscriber')


def can_subscribe(daemon):
    try:
        subscribe(daemon)
    except Refused:
        return False
    return True


def test_console(daemon):
    daemon.define()
    daemon.call('Start', partition='vm')
    client = daemon.client()
    answer = client.call('Console', partition='vm')
    terminal = client.descriptors[answer['console_fd']]
    check(os.isatty(terminal), 'a terminal')
    same(os.ttyname(terminal), answer['console'], 'path')
    check(select.select([terminal], [], [], LIMIT)[0], 'something to read')
    check(os.read(terminal, 100).startswith(b'hello'), 'the console says hello')
    os.close(terminal)
    # A worker that names what is no terminal gets nobody to open it.
    daemon.define(name='evil', cmdline=f'pty={daemon.kernel}')
    daemon.call('Start', partition='evil')
    daemon.refused('Failed', 'Console', partition='evil')
    daemon.define(name='worse', cmdline='pty=/dev/pts/../null')
    daemon.call('Start', partition='worse')
    daemon.refused('Failed', 'Console', partition='worse')


def test_schedule(daemon):
    daemon.define()
    daemon.refused('WrongState', 'SetSchedule', partition='vm', weight=5, scope='live')
    same(daemon.call('SetSchedule', partition='vm', weight=5, cap=300)['schedule'],
         {'weight': 5, 'cap': 300, 'reserve': 0}, 'SetSchedule')
    daemon.call('Start', partition='vm')
    daemon.call('SetSchedule', partition='vm', reserve=300)
    same(daemon.call('GetSchedule', partition='vm')['schedule']['reserve'], 300, 'live')
    same(daemon.call('GetSchedule', partition='vm', config=True)['schedule']['reserve'], 0, 'config')
    daemon.refused('BadConfiguration', 'SetSchedule', partition='vm', reserve=301)
    daemon.refused('BadConfiguration', 'SetSchedule', partition='vm', weight=0)
    daemon.refused('BadConfiguration', 'SetSchedule', partition='vm', weight=10001)
    daemon.refused('BadConfiguration', 'SetSchedule', partition='vm', cap=1001)
    daemon.call('SetSchedule', partition='vm', weight=7, scope='both')
    daemon.call('PinVcpu', partition='vm', vcpu=1, cpus='0')
    same(daemon.call('GetPins', partition='vm')['pins'][1], {'vcpu': 1, 'cpus': '0'}, 'pin')
    same(daemon.info()['pins'], [{'vcpu': 1, 'cpus': '0'}], 'pins')
    daemon.refused('BadConfiguration', 'PinVcpu', partition='vm', vcpu=2, cpus='0')
    daemon.refused('BadConfiguration', 'PinVcpu', partition='vm', vcpu=0, cpus='255')
    daemon.refused('BadConfiguration', 'PinVcpu', partition='vm', vcpu=0, cpus='x')
    daemon.kill()
    daemon.start()
    same(daemon.call('GetSchedule', partition='vm', config=True)['schedule'],
         {'weight': 7, 'cap': 300, 'reserve': 0}, 'after a restart')
    daemon.call('Destroy', partition='vm')
    same(daemon.info()['pins'], [], 'pins of the definition')


def test_stats(daemon):
    daemon.define()
    daemon.refused('WrongState', 'Stats', partition='vm')
    same(daemon.call('Stats')['partitions'], [], 'of what does not run')
    daemon.call('Start', partition='vm')
    stats = daemon.call('Stats')['partitions'][0]
    with open(f"/proc/{stats['worker_pid']}/statm", encoding='ascii') as file:
        resident = int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')
    check(abs(stats['worker_rss_bytes'] - resident) < 1 << 20, f'{stats} {resident}')
    check(stats['worker_cpu_ns'] < 10e9, 'CPU time')
    same((stats['name'], stats['state'], stats['vcpus'], stats['memory']),
         ('vm', 'running', 2, 64 << 20), 'stats')


def test_read_only(daemon):
    daemon.define()
    client = daemon.client('hvd-ro.sock')
    for method in ('Start', 'Destroy', 'Suspend', 'Resume', 'Reset', 'Undefine', 'Console',
                   'Shutdown', 'Reboot'):
        try:
            client.call(method, partition='vm')
        except Refused as refused:
            same(refused.error, 'Denied', method)
        else:
            raise Failure(method)
    for method, parameters in (('Define', {'xml': daemon.xml(name='x')}),
                               ('Create', {'xml': daemon.xml(name='x')}),
                               ('SetAutostart', {'partition': 'vm', 'enable': True}),
                               ('PinVcpu', {'partition': 'vm', 'vcpu': 0, 'cpus': '0'}),
                               ('SendKeys', {'partition': 'vm', 'keys': ['KEY_A']}),
                               ('AttachDevice', {'partition': 'vm', 'xml': USER}),
                               ('DetachDevice', {'partition': 'vm', 'xml': USER}),
                               ('ResizeDisk', {'partition': 'vm', 'target': 'sda'}),
                               ('SetGpu', {'partition': 'vm', 'weight': 1}),
                               ('SetDisplay', {'partition': 'vm', 'width': 640, 'height': 480}),
                               ('Screenshot', {'partition': 'vm', 'file_fd': 0}),
                               ('SetSchedule', {'partition': 'vm', 'weight': 1})):
        try:
            client.call(method, **parameters)
        except Refused as refused:
            same(refused.error, 'Denied', method)
        else:
            raise Failure(method)
    for method in ('Version', 'NodeInfo', 'List', 'Stats'):
        client.call(method)
    for method in ('Info', 'DumpXml', 'GetPins', 'GetSchedule'):
        client.call(method, partition='vm')
    # It does not say which files there are.
    client.call('Validate', xml=daemon.xml(name='x').replace(daemon.kernel, '/nonexistent'))
    same(oct(os.stat(daemon.run + '/hvd-ro.sock').st_mode & 0o777), '0o666')
    same(oct(os.stat(daemon.run + '/hvd.sock').st_mode & 0o777), '0o660')


def test_quota(daemon):
    clients = []
    refused = 0
    for _ in range(20):
        client = daemon.client('hvd-ro.sock')
        try:
            client.call('Version')
            clients.append(client)
        except (EOFError, ConnectionError):
            refused += 1
    same((len(clients), refused), (8, 12), 'clients of one user')
    daemon.call('Version')


def test_hostile_client(daemon):
    """Frames that are none, or none of ours, and clients that go in mid-sentence."""
    daemon.define()
    dice = random.Random(7)
    good = json.dumps({'method': 'org.mullion.Info', 'parameters': {'partition': 'vm'}}).encode()
    for i in range(300):
        data = bytearray(good + b'\0')
        for _ in range(dice.randrange(4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if i % 5 == 0:
            data = bytearray(dice.randbytes(dice.randrange(200))) + b'\0'
        if i % 7 == 0:
            data = data[:dice.randrange(len(data))]
        client = Client(daemon.run + '/hvd.sock')
        with contextlib.suppress(OSError):
            client.socket.sendall(data)
            if b'\0' in data:
                client.socket.shutdown(socket.SHUT_WR)
                client.socket.recv(65536)
        client.close()
    client = Client(daemon.run + '/hvd.sock')
    client.socket.sendall(b'[' * 100000 + b'\0')
    with contextlib.suppress(EOFError, OSError):
        client.receive()
    client.close()
    for parameters in ({'partition': 1}, {'partition': None}, {'nonsense': 'vm'}, {},
                       {'partition': 'vm', 'extra': 1}):
        try:
            daemon.call('Info', **parameters)
        except Refused as refused:
            check('InvalidParameter' in refused.error, refused.error)
        else:
            raise Failure(f'{parameters}')
    # Whoever leaves before the answer leaves a guest that runs.
    client = Client(daemon.run + '/hvd.sock')
    client.send('Start', partition='vm')
    client.close()
    daemon.wait_state('running', 'started')


def test_adoption(daemon):
    for name in ('run', 'pause', 'held', 'off'):
        daemon.define(name=name)
    daemon.call('Start', partition='run')
    daemon.call('Start', partition='pause')
    daemon.call('Suspend', partition='pause')
    daemon.call('Start', partition='held', paused=True)
    daemon.call('Create', xml=daemon.xml(name='passing'))
    before = {name: daemon.info(name) for name in ('run', 'pause', 'held', 'passing')}
    for end in (daemon.kill, daemon.end):
        end()
        daemon.start()
        for name, state in (('run', 'running'), ('pause', 'paused'), ('held', 'paused'),
                            ('passing', 'running')):
            daemon.wait_state(state, 'adopted', name)
            for key in ('id', 'uuid', 'worker_pid', 'console', 'persistent'):
                same(daemon.info(name)[key], before[name][key], f'{name}: {key}')
            check(abs(daemon.info(name)['started_ns'] - before[name]['started_ns']) < 1e10,
                  'started_ns')
        same(daemon.state('off'), ('shutoff', 'none'))
    # What happens while there is no hvd is seen by the next one.
    daemon.kill()
    os.kill(before['run']['worker_pid'], signal.SIGKILL)
    os.kill(before['passing']['worker_pid'], signal.SIGUSR1)
    daemon.start()
    daemon.wait_state('shutoff', 'lost', 'run')
    daemon.wait(lambda: 'passing' not in [p['name'] for p in daemon.call('List')['partitions']],
                'the transient one goes')
    daemon.call('Resume', partition='held')
    daemon.call('Resume', partition='pause')
    for name in ('held', 'pause'):
        same(daemon.state(name), ('running', 'resumed'))
        daemon.call('Destroy', partition=name)
    daemon.wait(lambda: not daemon.workers(), 'all workers go')


def test_orphan(daemon):
    daemon.define()
    daemon.call('Start', partition='vm')
    daemon.kill()
    os.unlink(daemon.run + '/live/vm.xml')
    os.unlink(daemon.top + '/etc/vm.xml')
    daemon.start()
    daemon.wait_state('running', 'adopted')
    check('orphan' in daemon.info()['detail'], 'it is marked')
    daemon.call('Destroy', partition='vm')
    daemon.wait(lambda: not daemon.workers(), 'the worker goes')


def test_killed_at_random(daemon):
    """hvd dies at any moment; what it said is done is done, and nothing is left."""
    dice = random.Random(int(os.environ.get('MULLION_TEST_SEED', '0x5eed'), 0))
    daemon.define()
    for i in range(25):
        client = daemon.client()
        wanted = 'Start' if daemon.state()[0] == 'shutoff' else dice.choice(
            ['Destroy', 'Reset', 'Suspend', 'Resume'])
        client.send(wanted, partition='vm')
        time.sleep(dice.random() * 0.12)
        answered = bool(select.select([client.socket], [], [], 0)[0])
        daemon.kill()
        daemon.start()
        daemon.wait(lambda: daemon.state()[0] not in ('starting', 'stopping'), f'round {i}')
        if answered and wanted == 'Start':
            same(daemon.state(), ('running', 'adopted'), f'round {i}')
        if answered and wanted == 'Destroy':
            same(daemon.state()[0], 'shutoff', f'round {i}')
        check(len(daemon.workers()) <= 1, f'round {i}: {daemon.workers()}')
        same(len(daemon.call('List')['partitions']), 1, f'round {i}')
    with contextlib.suppress(Refused):
        daemon.call('Destroy', partition='vm')
    daemon.wait(lambda: not daemon.workers(), 'the worker goes')


def test_destroy_while_busy(daemon):
    daemon.define(cmdline='hang-suspend')
    daemon.call('Start', partition='vm')
    hanging = daemon.client()
    hanging.send('Suspend', partition='vm')
    queued = daemon.client()
    queued.send('Resume', partition='vm')
    time.sleep(0.2)
    daemon.call('Destroy', partition='vm')
    for client in (hanging, queued):
        try:
            client.receive()
        except Refused as refused:
            same(refused.error, 'Failed')
        else:
            raise Failure('suspended what was destroyed')
    same(daemon.state(), ('shutoff', 'requested'))
    daemon.wait(lambda: not daemon.workers(), 'the worker goes')
    # One after the other, by two clients.
    daemon.define(name='fine')
    first, second = daemon.client(), daemon.client()
    first.send('Start', partition='fine')
    time.sleep(0.02)
    second.send('Suspend', partition='fine')
    first.receive()
    with contextlib.suppress(Refused):
        second.receive()
        same(daemon.state('fine'), ('paused', 'requested'))


def test_autostart(daemon):
    daemon.define()
    daemon.define(name='not')
    daemon.call('SetAutostart', partition='vm', enable=True)
    daemon.end()
    daemon.start()
    same(daemon.state(), ('shutoff', 'none'))
    check(daemon.info()['autostart'], 'autostart')
    daemon.end()
    os.unlink(daemon.run + '/booted')
    daemon.start()
    daemon.wait_state('running', 'started')
    same(daemon.state('not'), ('shutoff', 'none'))


def test_broken_files(daemon):
    daemon.define()
    daemon.define(name='good')
    daemon.end()
    with open(daemon.top + '/etc/vm.xml', 'w', encoding='ascii') as file:
        file.write('<domain')
    with open(daemon.top + '/etc/.half.xml', 'w', encoding='ascii') as file:
        file.write('half')
    with open(daemon.run + '/live/good.xml', 'w', encoding='ascii') as file:
        file.write('nonsense')
    daemon.start()
    same([p['name'] for p in daemon.call('List')['partitions']], ['good'], 'partitions')
    check(os.path.exists(daemon.top + '/etc/vm.xml'), 'a broken definition is kept')
    check(not os.path.exists(daemon.top + '/etc/.half.xml'), 'left-overs are removed')
    daemon.call('Start', partition='good')


def full_disk(path):
    """A file system of one page at path, in a mount namespace of our own; or None."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) or libc.mount(None, b'/', None, 0x44000, None):
        return False
    return not libc.mount(b'tmpfs', path.encode(), b'tmpfs', 0, b'size=8k,mode=700')


def test_full_disk(daemon):
    daemon.define()
    daemon.end()
    if not full_disk(daemon.top + '/etc'):
        print('no mount namespace: skipped')
        daemon.start()
        return
    daemon.start()
    description = '<description>' + 'x' * 3000 + '</description>'
    uuid = daemon.define(more=description)['uuid']
    before = daemon.call('DumpXml', partition='vm')['xml']
    daemon.define(name='two', more=description)
    daemon.refused('Failed', 'Define', xml=daemon.xml(name='three', more=description))
    same([p['name'] for p in daemon.call('List')['partitions']], ['two', 'vm'], 'partitions')
    daemon.refused('Failed', 'Define', xml=daemon.xml(
        more=f'<uuid>{uuid}</uuid><description>{"y" * 9000}</description>'))
    same(daemon.call('DumpXml', partition='vm')['xml'], before, 'definition')
    daemon.kill()
    daemon.start()
    same(daemon.call('DumpXml', partition='vm')['xml'], before, 'definition on disk')


USER = "<interface type='user'/>"


def devices_xml(daemon):
    return f"<devices>{daemon.disk()}{USER}</devices>"


def test_devices(daemon):
    """Server and providers come before the guest runs, and are told all they need."""
    daemon.define(more=devices_xml(daemon))
    daemon.call('Start', partition='vm')
    same(sorted(daemon.methods()),
         ['net Configure', 'storage Configure', 'vsp Configure', 'vsp Provide', 'vsp Provide'])
    same(daemon.methods()[0], 'vsp Configure', 'the server first')
    told = {f'{role} {method}': parameters for role, _, method, parameters in daemon.calls()}
    same(told['vsp Configure']['vcpus'], 2, 'vcpus')
    disk = told['storage Configure']['disks'][0]
    same((disk['lun'], disk['cache'], disk['read_only']), (0, 'writeback', False), 'disk')
    card = told['net Configure']['cards'][0]
    same((card['backend'], card['link']), ('user', True), 'card')
    check(int(card['mac'][:2], 16) & 3 == 2, card['mac'])
    offered = {d['class']: d['instance'] for _, _, method, p in daemon.calls()
               if method == 'Provide' for d in p['devices']}
    same(offered['network'], card['instance'], 'instance of the card')
    same(offered['scsi'], told['storage Configure']['instance'], 'instance of the controller')
    # The same after a reset, for another partition, by other processes.
    before = {daemon.process_of(role) for role in ('vsp', 'storage', 'net')}
    daemon.forget_calls()
    daemon.call('Reset', partition='vm')
    again = {d['class']: d['instance'] for _, _, method, p in daemon.calls()
             if method == 'Provide' for d in p['devices']}
    same(again, offered, 'instances after a reset')
    check(not before & {daemon.process_of(role) for role in ('vsp', 'storage', 'net')},
          'new processes')
    daemon.call('Destroy', partition='vm')
    same(daemon.processes(), [], 'all are gone when the answer comes')


def test_devices_fail(daemon):
    for role in ('vsp', 'storage', 'net'):
        for how in ('fail', 'die'):
            name = f'{how}-{role}'
            daemon.define(name=name, more=devices_xml(daemon))
            answer = daemon.refused('BadConfiguration' if how == 'fail' else 'Failed', 'Start',
                                    partition=name)
            check('told to fail' in answer['message'] or 'has died' in answer['message'],
                  answer['message'])
            same(daemon.state(name), ('shutoff', 'failed'), name)
            daemon.wait(lambda: not daemon.processes(), f'{name}: all go')
    daemon.define(more=devices_xml(daemon))
    os.unlink(daemon.top + '/sda')
    answer = daemon.refused('BadConfiguration', 'Start', partition='vm')
    check('No such file' in answer['message'], answer['message'])
    daemon.wait(lambda: not daemon.processes(), 'all go')


def test_image_in_use(daemon):
    disk = daemon.disk()
    os.link(daemon.top + '/sda', daemon.top + '/link')
    same_disk = disk.replace('/sda', '/link')
    for name, more in (('a', disk), ('b', same_disk), ('c', same_disk.replace('<target', '<readonly/><target'))):
        daemon.define(name=name, more=f'<devices>{more}</devices>')
    daemon.call('Start', partition='a')
    for name in ('b', 'c'):
        answer = daemon.refused('Busy', 'Start', partition=name)
        check("in use by the partition 'a'" in answer['message'], answer['message'])
    # Nor has one guest it twice.
    answer = daemon.refused('Busy', 'AttachDevice', partition='a', xml=same_disk.replace('sda', 'sdb'))
    check("in use by the partition 'a', as sda" in answer['message'], answer['message'])
    daemon.call('Destroy', partition='a')
    daemon.define(name='twice', more=f"<devices>{disk}{same_disk.replace('sda', 'sdb')}</devices>")
    daemon.refused('Busy', 'Start', partition='twice')
    daemon.call('Start', partition='b')


def test_tap(daemon):
    """Tap devices, in a network namespace of hvd's own."""
    daemon.end()
    script = 'ip link add br0 type bridge && ip link set br0 up && exec "$@"'
    wrapped = ['unshare', '-n', 'sh', '-c', script, 'sh', *daemon.command()]
    if subprocess.run([*wrapped[:5], 'sh', 'test', '-w', '/dev/net/tun'], check=False).returncode:
        print('no network namespace, bridge or tap device: skipped')
        daemon.start()
        return
    daemon.command = lambda: wrapped
    daemon.start()

    def links():
        text = subprocess.run(['nsenter', '-n', '-t', str(daemon.process.pid), 'ip', '-j', 'link'],
                              check=True, capture_output=True).stdout
        return {link['ifname']: link for link in json.loads(text)}

    bridge = ("<interface type='bridge'><source bridge='br0'/><driver queues='2'/>"
              "<mtu size='1400'/></interface>")
    named = "<interface type='ethernet'><target dev='mine'/></interface>"
    daemon.define(more=f'<devices>{bridge}{named}</devices>')
    daemon.call('Start', partition='vm')
    cards = daemon.calls()[-2][3]['cards']
    same([len(card['tap_fds']) for card in cards], [2, 1], 'queues')
    name = daemon.info()['interfaces'][0]['target']
    same(name, 'vnet0', 'the name that the kernel has chosen')
    found = links()
    same((found['vnet0']['master'], found['vnet0']['mtu'], 'UP' in found['vnet0']['flags']),
         ('br0', 1400, True), 'vnet0')
    check('UP' in found['mine']['flags'] and 'master' not in found['mine'], 'mine')
    # Another guest does not get this one's device.
    daemon.define(name='thief', more=f'<devices>{named}</devices>')
    answer = daemon.refused('Busy', 'Start', partition='thief')
    check("no tap device 'mine'" in answer['message'], answer['message'])
    daemon.define(name='lost', more="<devices><interface type='bridge'><source bridge='br1'/>"
                                    "</interface></devices>")
    answer = daemon.refused('Failed', 'Start', partition='lost')
    check("cannot be added to the bridge 'br1'" in answer['message'], answer['message'])
    # One that comes later has its own too.
    more = "<interface type='bridge'><source bridge='br0'/><mac address='02:00:00:00:00:07'/></interface>"
    daemon.call('AttachDevice', partition='vm', xml=more)
    same(links()['vnet1']['master'], 'br0', 'vnet1')
    same(daemon.info()['interfaces'][2]['target'], 'vnet1', 'its name')
    check('vnet' not in daemon.call('DumpXml', partition='vm', inactive=True)['xml'], 'config')
    daemon.call('DetachDevice', partition='vm', xml=more)
    # Networks are systemd's.
    daemon.define(name='net', more="<devices><interface type='network'><source network='default'/>"
                                   "</interface></devices>")
    daemon.refused('Unsupported', 'Start', partition='net')
    answer = daemon.refused('BadConfiguration', 'Define', xml=daemon.xml(
        name='none', more="<devices><interface type='network'><source network='none'/></interface></devices>"))
    check("there is no network 'none' (no /etc/mullion/networks/none.xml)" in answer['message'],
          answer['message'])
    # What is started again has them again.
    os.kill(daemon.process_of('net'), signal.SIGKILL)
    daemon.wait(lambda: len(daemon.calls()[-2][3].get('cards', [])) == 2 and
                daemon.methods()[-1] == 'vsp Provide' and 'mine' in links(), 'again')
    check('vnet0' not in daemon.call('DumpXml', partition='vm', inactive=True)['xml'], 'config')
    check('vnet' in daemon.call('DumpXml', partition='vm')['xml'], 'live')
    daemon.call('Destroy', partition='vm')
    daemon.wait(lambda: sorted(links()) == ['br0', 'lo'], 'all are gone')


def test_no_devices(daemon):
    """Without programs for devices a guest runs if it has none."""
    daemon.define()
    daemon.define(name='disk', more=devices_xml(daemon))
    daemon.end()
    daemon.devices = None
    daemon.start()
    daemon.call('Start', partition='vm')
    same(len(daemon.processes()), 1, 'the worker alone')
    daemon.refused('Unsupported', 'Shutdown', partition='vm')
    daemon.call('Reset', partition='vm')
    daemon.refused('Unsupported', 'Start', partition='disk')
    same(daemon.state('disk'), ('shutoff', 'failed'))


def test_ask(daemon):
    for name in ('vm', 'deaf'):
        daemon.define(name=name)
        daemon.call('Start', partition=name)
    daemon.call('Shutdown', partition='vm')
    daemon.call('Reboot', partition='vm')
    same(daemon.methods()[-2:], ['vsp PowerOff', 'vsp Reboot'], 'calls')
    answer = daemon.refused('WrongState', 'Shutdown', partition='deaf')
    same((answer['state'], answer['message']), ('running', 'the guest is not ready'), 'deaf')


def test_device_dies(daemon):
    daemon.define(more=devices_xml(daemon))
    daemon.call('Start', partition='vm')
    events = subscribe(daemon, types=['device_error'])
    for role in ('storage', 'net'):
        daemon.forget_calls()
        before = daemon.process_of(role)
        os.kill(before, signal.SIGKILL)
        event = take(events, 1)[0]
        same((event['device'], event['state']), (f'hv-{role}', 'running'), 'event')
        daemon.wait(lambda: daemon.methods() == [f'{role} Configure', 'vsp Provide'],
                    'it is started again')
        check(daemon.process_of(role) != before, 'another process')
    os.kill(daemon.process_of('vsp'), signal.SIGKILL)
    event = take(events, 1)[0]
    same(event['device'], 'hv-vsp', 'event')
    same(daemon.state(), ('running', 'started'))
    check('lost its devices' in daemon.info()['detail'], 'detail')
    daemon.wait(lambda: len(daemon.processes()) == 1, 'those behind it go')
    daemon.refused('Unsupported', 'Shutdown', partition='vm')
    daemon.call('Reset', partition='vm')
    same(len(daemon.processes()), 4, 'all are back')
    # One that dies again and again is given up.
    for i in range(10):
        daemon.wait(lambda: daemon.processes('net/'), f'death {i}')
        os.kill(daemon.process_of('net'), signal.SIGKILL)
        take(events, 1)
    daemon.wait(lambda: 'stays so' in daemon.info().get('detail', ''), 'it is given up')
    time.sleep(0.5)
    same(daemon.processes('net/'), [], 'given up')
    same(daemon.state()[0], 'running')


def test_device_stays(daemon):
    daemon.define(name='stay', more=devices_xml(daemon))
    daemon.call('Start', partition='stay')
    begin = time.monotonic()
    daemon.call('Destroy', partition='stay')
    check(time.monotonic() - begin < 20, 'killed in time')
    same(daemon.processes(), [], 'all are gone')


def test_devices_of_a_worker(daemon):
    """A worker's end is the end of all, and no accident of theirs."""
    daemon.define(more=devices_xml(daemon) + '<on_crash>restart</on_crash>')
    daemon.call('Start', partition='vm')
    events = subscribe(daemon)
    before = set(daemon.processes())
    for pid in (daemon.process_of('storage'), daemon.workers()[0]):
        os.kill(pid, signal.SIGKILL)
    same([e['type'] for e in take(events, 2)], ['crashed', 'started'], 'events')
    daemon.wait_state('running', 'restarted')
    daemon.wait(lambda: len(daemon.processes()) == 4, 'four processes')
    check(not before & set(daemon.processes()), 'all are new')
    os.kill(daemon.workers()[0], signal.SIGUSR2)
    daemon.wait(lambda: not before & set(daemon.processes()) and len(daemon.processes()) == 4,
                'and again after a reboot')


def test_guest_tells(daemon):
    daemon.define()
    daemon.call('Start', partition='vm')
    same(daemon.info()['heartbeat'], 'none')
    events = subscribe(daemon, types=['heartbeat'])
    os.kill(daemon.process_of('vsp'), signal.SIGUSR1)
    same(take(events, 1)[0]['heartbeat'], 'ok', 'event')
    os.kill(daemon.process_of('vsp'), signal.SIGUSR2)
    event = take(events, 1)[0]
    same(event['addresses'], ['10.0.2.15', '2001:db8::2'], 'addresses')
    info = daemon.info()
    same((info['guest_os'], info['guest_hostname'], info['vmbus']), ('Debian  13', 'g.test', '5.3'),
         'info')
    daemon.kill()
    daemon.start()
    daemon.wait(lambda: daemon.info().get('addresses'), 'known again')
    same((daemon.info()['heartbeat'], daemon.info()['addresses']),
         ('ok', ['10.0.2.15', '2001:db8::2']), 'after a restart')
    daemon.call('Destroy', partition='vm')
    check('heartbeat' not in daemon.info(), 'of one that is off')


def test_devices_adopted(daemon):
    daemon.define(more=devices_xml(daemon))
    daemon.call('Start', partition='vm')
    before = sorted(daemon.processes())
    for end in (daemon.kill, daemon.end):
        end()
        daemon.forget_calls()
        daemon.start()
        daemon.wait_state('running', 'adopted')
        daemon.call('Shutdown', partition='vm')
        same(sorted(daemon.processes()), before, 'processes')
        same(daemon.methods(), ['vsp PowerOff'], 'calls')
    # One that died meanwhile is started again.
    dead = daemon.process_of('net')
    daemon.kill()
    os.kill(dead, signal.SIGKILL)
    daemon.forget_calls()
    daemon.start()
    daemon.wait(lambda: daemon.methods() == ['net Configure', 'vsp Provide'], 'a new one')
    # With the worker gone the others have nothing to do any more.
    worker = daemon.workers()[0]
    daemon.kill()
    os.kill(worker, signal.SIGKILL)
    daemon.start()
    daemon.wait_state('shutoff', 'lost')
    daemon.wait(lambda: not daemon.processes(), 'all go')
    # One that never ran gets new ones.
    daemon.call('Start', partition='vm', paused=True)
    before = set(daemon.processes()) - set(daemon.workers())
    daemon.kill()
    daemon.start()
    daemon.wait_state('paused', 'adopted')
    daemon.call('Resume', partition='vm')
    same(len(daemon.processes()), 4, 'all are there')
    check(not before & set(daemon.processes()), 'and new')


def test_attach(daemon):
    daemon.define()
    disk, card = daemon.disk('sdb'), "<interface type='user'><mac address='02:00:00:00:00:09'/></interface>"
    daemon.refused('WrongState', 'AttachDevice', partition='vm', xml=disk, scope='live')
    daemon.call('Start', partition='vm')
    same(sorted(daemon.processes()), sorted(daemon.workers() + daemon.processes('vsp/')), 'two')
    events = subscribe(daemon, types=['device_added', 'device_removed', 'device_error'])
    # The first disk and the first card bring their process along.
    daemon.call('AttachDevice', partition='vm', xml=disk)
    same(daemon.methods()[-2:], ['storage Configure', 'vsp Provide'], 'calls')
    daemon.call('AttachDevice', partition='vm', xml=card, scope='both')
    same(daemon.methods()[-2:], ['net Configure', 'vsp Provide'], 'calls')
    before = daemon.process_of('storage'), daemon.process_of('net')
    daemon.call('AttachDevice', partition='vm', xml=daemon.disk('sdc'))
    same(daemon.methods()[-1], 'storage AddDisk', 'call')
    same(daemon.calls()[-1][3]['lun'], 2, 'lun')
    # A second card comes to the first.
    daemon.call('AttachDevice', partition='vm', xml=USER)
    same(daemon.methods()[-2:], ['net AddCard', 'vsp Provide'], 'calls')
    same([len(c[3]['devices']) for c in daemon.calls() if c[2] == 'Provide'], [1, 1, 1], 'offers')
    same((daemon.process_of('storage'), daemon.process_of('net')), before, 'both go on')
    second = daemon.info()['interfaces'][1]['mac']
    same([(e['type'], e['device']) for e in take(events, 4)],
         [('device_added', 'sdb'), ('device_added', '02:00:00:00:00:09'), ('device_added', 'sdc'),
          ('device_added', second)], 'events')
    same([d['target'] for d in daemon.info()['disks']], ['sdb', 'sdc'], 'disks')
    for xml in (disk, card, daemon.disk('sdd').replace('/sdd', '/nothing'), '<domain/>', '<disk/>'):
        answer = daemon.refused('BadConfiguration', 'AttachDevice', partition='vm', xml=xml, file='f')
        same((answer['file'], answer['line']), ('f', 1), 'place')
    # The definition has what it was to have.
    check('sdb' not in daemon.call('DumpXml', partition='vm', inactive=True)['xml'], 'config')
    check('02:00:00:00:00:09' in daemon.call('DumpXml', partition='vm', inactive=True)['xml'], 'both')
    # Another hvd knows all of it.
    daemon.kill()
    daemon.start()
    daemon.wait_state('running', 'adopted')
    daemon.wait(lambda: daemon.info().get('storage_pid'), 'adopted')
    same([d['target'] for d in daemon.info()['disks']], ['sdb', 'sdc'], 'disks')
    events = subscribe(daemon, types=['device_added', 'device_removed', 'device_error'])
    daemon.wait(lambda: daemon.call('DeviceStats', partition='vm')['disks'], 'it is up')
    daemon.forget_calls()
    daemon.call('DetachDevice', partition='vm', xml=daemon.disk('sdc'))
    daemon.call('DetachDevice', partition='vm', xml=card, scope='both')
    same(daemon.methods(), ['storage RemoveDisk', 'vsp Withdraw', 'net RemoveCard'], 'calls')
    same([(e['type'], e['device']) for e in take(events, 2)],
         [('device_removed', 'sdc'), ('device_removed', '02:00:00:00:00:09')], 'events')
    check('02:00:00:00:00:09' not in daemon.call('DumpXml', partition='vm', inactive=True)['xml'],
          'config')
    daemon.refused('BadConfiguration', 'DetachDevice', partition='vm', xml=card)
    daemon.refused('BadConfiguration', 'DetachDevice', partition='vm', xml=USER)
    daemon.call('DetachDevice', partition='vm',
                xml=card.replace('02:00:00:00:00:09', second))
    daemon.wait(lambda: not daemon.processes('net/'), 'nothing is left to do')
    daemon.call('Destroy', partition='vm')
    daemon.call('AttachDevice', partition='vm', xml=disk)
    same([d['target'] for d in daemon.info()['disks']], ['sdb'], 'of the definition')


def test_attach_fails(daemon):
    daemon.define(name='full', more=f'<devices>{daemon.disk()}</devices>')
    daemon.call('Start', partition='full')
    answer = daemon.refused('Busy', 'AttachDevice', partition='full', xml=daemon.disk('sdb'))
    same((answer['message'], len(daemon.info('full')['disks'])), ('full', 1), 'AddDisk fails')
    daemon.define(name='once', more=f'<devices>{USER}</devices>')
    daemon.call('Start', partition='once')
    answer = daemon.refused('Busy', 'AttachDevice', partition='once', xml=USER)
    same((answer['message'], len(daemon.info('once')['interfaces'])), ('once is enough', 1),
         'Provide fails')
    same(daemon.methods()[-3:], ['net AddCard', 'vsp Provide', 'net RemoveCard'], 'taken back')
    daemon.define(name='die-net')
    daemon.call('Start', partition='die-net')
    answer = daemon.refused('Failed', 'AttachDevice', partition='die-net', xml=USER)
    check('has died' in answer['message'], answer['message'])
    same((daemon.state('die-net')[0], daemon.info('die-net')['interfaces']), ('running', []), 'as before')
    daemon.define(name='fail-storage')
    daemon.call('Start', partition='fail-storage')
    daemon.refused('BadConfiguration', 'AttachDevice', partition='fail-storage',
                   xml=daemon.disk('sdc'))
    same(daemon.info('fail-storage')['disks'], [], 'as before')


def test_device_stats(daemon):
    daemon.define(more=devices_xml(daemon))
    daemon.refused('WrongState', 'DeviceStats', partition='vm')
    daemon.call('Start', partition='vm')
    stats = daemon.call('DeviceStats', partition='vm')
    same((stats['disks'][0]['target'], stats['disks'][0]['read_bytes']), ('sda', 28672), 'disk')
    same((stats['interfaces'][0]['mac'], stats['interfaces'][0]['rx_bytes']),
         (daemon.info()['interfaces'][0]['mac'], 100), 'card')
    os.kill(daemon.process_of('storage'), signal.SIGUSR1)
    same(daemon.call('ResizeDisk', partition='vm', target='sda')['size'], 2097152, 'size')
    daemon.refused('BadConfiguration', 'ResizeDisk', partition='vm', target='sdb')
    events = subscribe(daemon, types=['device_error'])
    os.kill(daemon.process_of('storage'), signal.SIGUSR1)
    event = take(events, 1)[0]
    same((event['device'], event['detail']), ('sda', 'no_space'), 'event')


SCREEN = "<devices><video><model type='mullion'>{}</model></video></devices>"


def start_screen(daemon, inside='', name='vm', model='mullion'):
    daemon.define(name=name, more=SCREEN.replace('mullion', model).format(inside),
                  cmdline=f"want-vram={0 if model == 'none' else 64 << 20}")
    daemon.call('Start', partition=name)


def test_screen(daemon):
    """hv-gpu is told all it needs, and the guest is offered what it drives."""
    start_screen(daemon, "<resolution x='800' y='600'/><gputune><memory unit='MiB'>64</memory></gputune>")
    same(daemon.methods(), ['vsp Configure', 'gpu Configure', 'vsp Provide'], 'calls')
    told = daemon.calls()[1][3]
    offered = daemon.calls()[2][3]['devices']
    same([(d['class'], d.get('mmio_megabytes')) for d in offered], [('video', 64), ('gpu', None)], 'offers')
    same((told['video'], told['gpu']), tuple(d['instance'] for d in offered), 'instances')
    same((told['vram_gpa'], told['vram_size'], told['memory_max'], told['width'], told['height']),
         (0xc0000000, 64 << 20, 64 << 20, 800, 600), 'configuration')
    check('render_fd' not in told, 'no render node')
    info = daemon.info()
    same(info['gpu_pid'], daemon.process_of('gpu'), 'pid')
    same(info['video'], {'model': 'mullion', 'vram': 64 << 20, 'width': 800, 'height': 600,
                         'accel3d': True, 'memory': 64 << 20, 'weight': 100, 'cap': 0}, 'video')
    daemon.call('Destroy', partition='vm')
    same(daemon.processes(), [], 'all are gone')
    # One without 3D has the screen alone, and all of its memory.
    daemon.forget_calls()
    start_screen(daemon, name='old', model='hyperv')
    told, offered = (daemon.calls()[i][3] for i in (1, 2))
    same([(d['class'], d['mmio_megabytes']) for d in offered['devices']], [('video', 64)], 'offers')
    check('gpu' not in told, 'no GPU')
    daemon.call('Destroy', partition='old')
    start_screen(daemon, name='blind', model='none')
    same(daemon.processes('gpu/'), [], 'no screen')
    check('video' not in daemon.info('blind'), 'nor in info')


def test_screen_fails(daemon):
    for name in ('fail-gpu', 'die-gpu'):
        daemon.define(name=name, more=SCREEN.format(''))
        answer = daemon.refused('BadConfiguration' if name == 'fail-gpu' else 'Failed', 'Start',
                                partition=name)
        check('told to fail' in answer['message'] or 'has died' in answer['message'],
              answer['message'])
        same(daemon.state(name), ('shutoff', 'failed'), name)
        daemon.wait(lambda: not daemon.processes(), f'{name}: all go')
    node = "<acceleration rendernode='/dev/null'/>"
    answer = daemon.refused('BadConfiguration', 'Define', xml=daemon.xml(more=SCREEN.format(node)))
    check("not a GPU's render node" in answer['message'], answer['message'])
    same(answer['line'], 6, 'line')
    # Without the program a guest with a screen does not start.
    daemon.define(more=SCREEN.format(''))
    daemon.end()
    daemon.devices = None
    daemon.start()
    answer = daemon.refused('Unsupported', 'Start', partition='vm')
    check('hv-vsp' in answer['message'] or 'hv-gpu' in answer['message'], answer['message'])


def test_gpu_info(daemon):
    daemon.define(name='plain')
    daemon.define(more=SCREEN.format(''))
    answer = daemon.refused('WrongState', 'GpuInfo', partition='vm')
    same(answer['state'], 'shutoff', 'state')
    daemon.call('Start', partition='plain')
    answer = daemon.refused('Unsupported', 'GpuInfo', partition='plain')
    check('has no screen' in answer['message'], answer['message'])
    daemon.call('Start', partition='vm')
    answer = daemon.client('hvd-ro.sock').call('GpuInfo', partition='vm')
    same((answer['gpu']['source'], answer['gpu']['backend'], answer['gpu']['memory_max']),
         ('none', 'software', 512 << 20), 'gpu')
    same(answer['video']['model'], 'mullion', 'video')
    os.kill(daemon.process_of('gpu'), signal.SIGUSR1)
    daemon.wait(lambda: daemon.call('GpuInfo', partition='vm')['gpu']['source'] == 'gpu', 'open')
    gpu = daemon.call('GpuInfo', partition='vm')['gpu']
    same((gpu['channel'], gpu['driver']), (1, 'mullion_gpu [31m 1.0'), 'what the guest says')
    same([c['name'] for c in gpu['contexts']], ['weston', 'glx [2J'], 'contexts')
    same(daemon.call('DeviceStats', partition='vm')['gpu']['submissions'], 40, 'statistics')
    check('gpu' not in daemon.call('DeviceStats', partition='plain'), 'of one without')


def test_screenshot(daemon):
    start_screen(daemon)
    start_screen(daemon, name='dark')
    daemon.define(name='off', more=SCREEN.format(''))
    path = daemon.top + '/picture'
    with open(path, 'wb') as file:
        answer = daemon.call('Screenshot', partition='vm', file_fd=0, descriptors=[file.fileno()])
        same((answer['width'], answer['height'], answer['source']), (1024, 768, 'none'), 'answer')
        for error, partition, more in (('WrongState', 'off', {}), ('WrongState', 'dark', {}),
                                       ('NoSuchPartition', 'none', {}),
                                       ('BadConfiguration', 'vm', {'display': 1}),
                                       ('BadConfiguration', 'vm', {'file_fd': 1})):
            daemon.refused(error, 'Screenshot', partition=partition, descriptors=[file.fileno()],
                           **{'file_fd': 0, **more})
        same(daemon.refused('WrongState', 'Screenshot', partition='dark', file_fd=0,
                            descriptors=[file.fileno()])['state'], 'running', 'state')
    with open(path, 'rb') as file:
        same(file.read()[:8], b'\x89PNG\r\n\x1a\n', 'the picture')
        # Neither what cannot be written to nor what could keep hv-gpu waiting.
        daemon.refused('BadConfiguration', 'Screenshot', partition='vm', file_fd=0,
                       descriptors=[file.fileno()])
    ends = os.pipe()
    daemon.refused('BadConfiguration', 'Screenshot', partition='vm', file_fd=0, descriptors=ends[1:])
    for end in ends:
        os.close(end)
    before = len(os.listdir(f'/proc/{daemon.process.pid}/fd'))
    for _ in range(20):
        daemon.refused('BadConfiguration', 'Screenshot', partition='vm', file_fd=7)
    check(len(os.listdir(f'/proc/{daemon.process.pid}/fd')) <= before, 'nothing stays open')
    daemon.call('SetDisplay', partition='vm', width=1920, height=1080)
    same(daemon.call('GpuInfo', partition='vm')['gpu']['displays'][0]['width'], 1920, 'mode')
    daemon.refused('BadConfiguration', 'SetDisplay', partition='vm', width=1, height=1)
    daemon.refused('WrongState', 'SetDisplay', partition='off', width=640, height=480)


def test_set_gpu(daemon):
    daemon.define(more=SCREEN.format(''))
    daemon.define(name='plain')
    daemon.refused('Unsupported', 'SetGpu', partition='plain', weight=5)
    daemon.refused('WrongState', 'SetGpu', partition='vm', weight=5, scope='live')
    video = daemon.call('SetGpu', partition='vm', weight=5, cap=250, memory=64 << 20)['video']
    same((video['weight'], video['cap'], video['memory']), (5, 250, 64 << 20), 'SetGpu')
    for bad in ({'weight': 0}, {'weight': 10001}, {'cap': 6401}, {'memory': 1}, {'memory': 1 << 60}):
        daemon.refused('BadConfiguration', 'SetGpu', partition='vm', **bad)
    daemon.call('Start', partition='vm')
    daemon.refused('Unsupported', 'SetGpu', partition='vm', memory=128 << 20)
    daemon.call('SetGpu', partition='vm', memory=128 << 20, scope='config')
    same(daemon.info()['video']['memory'], 64 << 20, 'the guest that runs keeps its memory')
    events = subscribe(daemon, types=['changed'])
    daemon.call('SetGpu', partition='vm', weight=300)
    take(events, 1)
    daemon.call('SetGpu', partition='vm', cap=0, scope='both')
    video = daemon.info()['video']
    same((video['weight'], video['cap']), (300, 0), 'live')
    xml = daemon.call('DumpXml', partition='vm', inactive=True)['xml']
    check('<weight>5</weight>' in xml and '<cap>' not in xml and '131072' in xml, xml)
    daemon.kill()
    daemon.start()
    daemon.wait_state('running', 'adopted')
    same(daemon.info()['video']['weight'], 300, 'after a restart')


def test_gpu_events(daemon):
    start_screen(daemon)
    events = subscribe(daemon, types=['device_error', 'screen'])
    os.kill(daemon.process_of('gpu'), signal.SIGUSR1)
    screen, lost = take(events, 2)
    same((screen['type'], screen['screen']), ('screen', 'gpu'), 'who draws')
    check('device' not in screen, 'it is of no device')
    same((lost['type'], lost['device'], lost['detail']),
         ('device_error', 'gpu', 'context 3 (glx [2J): bad commands'), 'lost')
    os.kill(daemon.process_of('gpu'), signal.SIGUSR2)
    same(take(events, 1)[0]['detail'], 'the process before has died', 'lost')
    # Dead, it is there again at once, and configured as before.
    daemon.forget_calls()
    before = daemon.process_of('gpu')
    os.kill(before, signal.SIGKILL)
    same(take(events, 1)[0]['device'], 'hv-gpu', 'event')
    daemon.wait(lambda: daemon.methods() == ['gpu Configure', 'vsp Provide'], 'it is started again')
    daemon.wait(lambda: daemon.info().get('screen') == 'none', 'nobody draws yet')
    check(daemon.process_of('gpu') != before, 'another process')
    # An hvd that comes later finds it.
    for end in (daemon.kill, daemon.end):
        end()
        daemon.forget_calls()
        before = daemon.process_of('gpu')
        daemon.start()
        daemon.wait_state('running', 'adopted')
        daemon.wait(lambda: daemon.info().get('gpu_pid') == before, 'it is found')
        daemon.call('GpuInfo', partition='vm')
        same(daemon.methods(), ['gpu Info'], 'calls')
    # One that was being started when hvd ended serves nobody.
    daemon.kill()
    os.kill(daemon.process_of('gpu'), signal.SIGKILL)
    daemon.forget_calls()
    daemon.start()
    daemon.wait(lambda: daemon.methods() == ['gpu Configure', 'vsp Provide'], 'a new one')


def test_send_keys(daemon):
    daemon.define()
    daemon.refused('WrongState', 'SendKeys', partition='vm', keys=['KEY_A'])
    daemon.call('Start', partition='vm')
    daemon.call('SendKeys', partition='vm', keys=['KEY_LEFTCTRL', 'KEY_C'], hold_ms=5)
    same(daemon.calls()[-1][2:], ('SendKeys', {'codes': [29, 46], 'hold_ms': 5}), 'call')
    for keys in ([], ['KEY_NONSENSE'], ['KEY_A'] * 17):
        daemon.refused('BadConfiguration', 'SendKeys', partition='vm', keys=keys)
    daemon.refused('BadConfiguration', 'SendKeys', partition='vm', keys=['KEY_A'], hold_ms=60001)


def test_qcow2(daemon):
    """An image that is not raw is shown as a raw file as long as the guest runs."""
    if not os.access(QEMU_STORAGE_DAEMON, os.X_OK) or not os.access('/dev/fuse', os.W_OK):
        print('no qemu-storage-daemon, or no FUSE: skipped')
        return
    path = daemon.top + """/i 'm " odd$,.qcow2"""
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '3M'], check=True)
    source = path.replace('"', '&quot;')
    disk = f'<disk type="file"><driver type="qcow2"/><source file="{source}"/><target dev="sda"/></disk>'
    daemon.define(more=f'<devices>{disk}</devices>')
    shown = daemon.run + '/image/vm:sda/disk'
    events = subscribe(daemon, types=['device_error'])
    for _ in range(2):
        daemon.call('Start', partition='vm')
        same(daemon.methods()[-2:], ['storage Configure', 'vsp Provide'], 'calls')
        same(os.stat(shown).st_size, 3 << 20, 'size')
        # The provider that comes again gets the same.
        os.kill(daemon.process_of('storage'), signal.SIGKILL)
        same(take(events, 1)[0]['device'], 'hv-storage', 'event')
        daemon.wait(lambda: daemon.methods()[-1] == 'vsp Provide' and
                    len(daemon.methods()) % 5 == 0, 'another provider')
        daemon.kill()
        daemon.start()
        daemon.wait_state('running', 'adopted')
        daemon.wait(lambda: daemon.call('DeviceStats', partition='vm')['disks'], 'adopted')
        events = subscribe(daemon, types=['device_error'])
        daemon.call('Reset', partition='vm')
        same(os.stat(shown).st_size, 3 << 20, 'size')
        daemon.call('Destroy', partition='vm')
        daemon.wait(lambda: not os.path.ismount(shown), 'it is shown no more')
        daemon.forget_calls()
    daemon.call('Start', partition='vm')
    with open(daemon.run + '/image/vm:sda/pid', encoding='ascii') as file:
        os.kill(int(file.read()), signal.SIGTERM)
    event = take(events, 1)[0]
    same((event['device'], event['state']), ('sda', 'running'), 'event')
    daemon.call('Destroy', partition='vm')
    attach_qcow2(daemon, disk)
    # What is no image is found out by whoever reads it.
    with open(path, 'r+b') as file:
        file.seek(4)
        file.write(b'\xff' * 60)
    answer = daemon.refused('Failed', 'Start', partition='vm')
    check('is not shown' in answer['message'], answer['message'])


def attach_qcow2(daemon, disk):
    """One that comes while the guest runs, and goes."""
    path, shown = daemon.top + '/second', daemon.run + '/image/vm:sdb/disk'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=128k', path, '5M'],
                   check=True)
    second = f'<disk type="file"><driver type="qcow2"/><source file="{path}"/><target dev="sdb"/></disk>'
    daemon.call('Start', partition='vm')
    events = subscribe(daemon, types=['device_added', 'device_removed'])
    for _ in range(2):
        daemon.call('AttachDevice', partition='vm', xml=second)
        same(daemon.methods()[-1], 'storage AddDisk', 'call')
        same(daemon.calls()[-1][3]['discard_granularity'], 131072, 'its clusters')
        same(os.stat(shown).st_size, 5 << 20, 'size')
        daemon.refused('BadConfiguration', 'AttachDevice', partition='vm', xml=second)
        daemon.refused('Busy', 'AttachDevice', partition='vm', xml=second.replace('sdb', 'sdc'))
        daemon.refused('Unsupported', 'ResizeDisk', partition='vm', target='sdb')
        daemon.call('DetachDevice', partition='vm', xml=second)
        daemon.wait(lambda: not os.path.ismount(shown), 'it is shown no more')
        same([(e['type'], e['device']) for e in take(events, 2)],
             [('device_added', 'sdb'), ('device_removed', 'sdb')], 'events')
    with open(path, 'r+b') as file:
        file.seek(4)
        file.write(b'\xff' * 60)
    answer = daemon.refused('Failed', 'AttachDevice', partition='vm', xml=second)
    check('is not shown' in answer['message'], answer['message'])
    same([d['target'] for d in daemon.info()['disks']], ['sda'], 'as before')
    check(not os.path.exists(os.path.dirname(shown)), 'nothing is left of it')
    daemon.call('Destroy', partition='vm')


def run(name, function, *programs):
    daemon = Daemon(*programs)
    problem = None
    try:
        function(daemon)
        if daemon.process.poll() is None:
            daemon.end()
        else:
            problem = f'hvd has ended with {daemon.process.returncode}'
    except (Failure, Refused, OSError, EOFError, KeyError, subprocess.TimeoutExpired) as error:
        problem = f'{type(error).__name__}: {error}'
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.process.wait(0.5)
            problem += f'; hvd has ended with {daemon.process.returncode}'
    log = daemon.finish()
    if not problem and ('Sanitizer' in log or 'runtime error' in log):
        problem = 'a sanitizer complains'
    print(f'{"FAIL" if problem else "ok  "} {name}{": " + problem if problem else ""}', flush=True)
    if problem:
        print(log)
    return not problem


def main():
    hvd, worker, devices, *names = sys.argv[1:]
    tests = {name.removeprefix('test_'): function for name, function in globals().items()
             if name.startswith('test_')}
    results = [run(name, tests[name], hvd, worker, devices) for name in names or tests]
    print(f'{results.count(True)} of {len(results)} passed')
    sys.exit(0 if all(results) else 1)


main()
