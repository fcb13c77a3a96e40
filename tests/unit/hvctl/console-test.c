/* SPDX-License-Identifier: GPL-2.0-only */
#include "check.h"
int main(void)
{
	CHECK(true);
	return check_done();
}
