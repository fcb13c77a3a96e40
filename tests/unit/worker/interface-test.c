/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface that the worker serves is, word for word, the one in
 * include/mullion: comments and white space aside.
 */
#include "check.h"

#include "interface.h"

/* Words without comments, one blank between them; punctuation is a word. */
static char *words(const char *text)
{
	char *out = malloc(3 * strlen(text) + 1), *to = out;

	REQUIRE(out);
	for (; *text; text++) {
		if (*text == '#') {
			text += strcspn(text, "\n");
		} else if (strchr(" \t\n", *text)) {
			if (to > out && to[-1] != ' ')
				*to++ = ' ';
		} else if (strchr("(),:?", *text)) {
			if (to > out && to[-1] != ' ')
				*to++ = ' ';
			*to++ = *text;
			*to++ = ' ';
		} else {
			*to++ = *text;
		}
		if (!*text)
			break;
	}
	while (to > out && to[-1] == ' ')
		to--;
	*to = '\0';
	return out;
}

static char *read_file(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "re");
	size_t size;

	REQUIRE(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = '\0';
	return text;
}

static void test_same(void)
{
	char *served, *file, *text;

	REQUIRE(sd_varlink_idl_format(&vl_interface_org_mullion_worker, &text) >= 0);
	served = words(text);
	free(text);
	file = words(read_file(SOURCE_DIR "/include/mullion/org.mullion.Worker.varlink"));
	CHECK(strstr(file, "method Subscribe") != NULL);
	CHECK_STR(served, file);
	free(served);
	free(file);
}

int main(void)
{
	CHECK_RUN(test_same);
	return check_done();
}
