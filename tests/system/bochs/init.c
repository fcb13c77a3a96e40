// SPDX-License-Identifier: GPL-2.0-only
/*
 * /init of the parent under Bochs: looks at the machine, makes it work a little
 * on every CPU, says "bochs: pass" or what went wrong, and ends the emulator.
 */
#include <cpuid.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Bochs ends when this word is written to this port (its "unmapped" device). */
#define SHUTDOWN_PORT 0x8900

static void end(const char *verdict)
{
	printf("bochs: %s\n", verdict);
	fflush(stdout);
	tcdrain(1); /* the serial port's file gets a byte at a time */
	if (ioperm(SHUTDOWN_PORT, 1, 1) == 0) {
		for (const char *p = "Shutdown"; *p; p++)
			outb((unsigned char)*p, SHUTDOWN_PORT);
	}
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void check_hypervisor(void)
{
	unsigned int eax, ebx, ecx, edx;
	char signature[13] = "";

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & (1u << 31)))
		end("fail: no hypervisor bit");
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(signature, &ebx, 4);
	memcpy(signature + 4, &ecx, 4);
	memcpy(signature + 8, &edx, 4);
	printf("bochs: hypervisor '%s', leaves to %x\n", signature, eax);
	if (strcmp(signature, "Mullion") != 0)
		end("fail: another hypervisor");
}

/* Forks, page faults, sleeps and CPUIDs on one CPU. */
static void work_on(int cpu)
{
	struct timespec tick = { .tv_nsec = 1000000 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		end("fail: a CPU cannot be used");
	for (int i = 0; i < 5; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			char *p = calloc(64, 4096);

			if (!p)
				_exit(1);
			for (size_t page = 0; page < 64; page++)
				p[page * 4096] = 1;
			check_hypervisor();
			_exit(p[63ul * 4096] == 1 ? 0 : 1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			end("fail: a process did not end well");
		nanosleep(&tick, NULL);
	}
	printf("bochs: worked on CPU %d\n", cpu);
}

static void print_file(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stdout);
	if (f)
		fclose(f);
}

int main(void)
{
	long cpus;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	printf("bochs: parent up, %ld CPUs\n", cpus);
	check_hypervisor();
	for (int cpu = 0; cpu < cpus; cpu++)
		work_on(cpu);
	print_file("/proc/interrupts");
	end("pass");
}
