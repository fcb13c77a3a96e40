/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's life: see machine.h. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <hyperv/mshv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "acpi.h"

/* A processor's thread is called out of the kernel by this signal, again and again
 * until it stands: one that comes just before the call is lost. */
#define KICK SIGUSR1
#define KICK_NSEC 2000000
#define STOP_SECONDS 10

const char *const state_names[STATE_COUNT] = {
	[STATE_IDLE] = "idle",		 [STATE_CREATED] = "created", [STATE_RUNNING] = "running",
	[STATE_SUSPENDED] = "suspended", [STATE_STOPPED] = "stopped",
};

static void set_state(struct machine *machine, enum state state)
{
	machine->state = state;
	if (machine->changed)
		machine->changed(machine);
}

/* ---- The processors' threads ---- */

static void on_kick(int signal)
{
	(void)signal;
}

/* The first processor that reports decides why the guest has ended. */
static void report(struct machine *machine, const struct end *end)
{
	uint64_t one = 1;

	pthread_mutex_lock(&machine->lock);
	atomic_store(&machine->run, false);
	if (machine->ended.reason == REASON_NONE) {
		machine->ended = *end;
		if (write(machine->report, &one, sizeof(one)) < 0)
			notice("cannot report the end of the guest: %s", strerror(errno));
	}
	pthread_mutex_unlock(&machine->lock);
}

static void run_once(struct processor *processor)
{
	struct end end = { .reason = REASON_NONE };
	struct hv_message message;
	int error = vp_run(&processor->vp, &message);

	if (error == EINTR || error == EAGAIN)
		return;
	if (error) {
		end.reason = REASON_FAILED;
		snprintf(end.detail, sizeof(end.detail), "VP %u cannot run: %s",
			 processor->vp.index, strerror(error));
	} else {
		vcpu_handle(&processor->vcpu, &message, &end);
	}
	if (end.reason != REASON_NONE)
		report(processor->machine, &end);
}

/* Waits until the processors shall run; false when the thread shall end. */
static bool wait_to_run(struct machine *machine)
{
	bool quit;

	pthread_mutex_lock(&machine->lock);
	machine->running--;
	pthread_cond_broadcast(&machine->condition);
	while (!atomic_load(&machine->run) && !machine->quit)
		pthread_cond_wait(&machine->condition, &machine->lock);
	machine->running++;
	quit = machine->quit;
	pthread_mutex_unlock(&machine->lock);
	return !quit;
}

static void *processor_main(void *argument)
{
	struct processor *processor = argument;
	struct machine *machine = processor->machine;

	while (wait_to_run(machine))
		while (atomic_load(&machine->run))
			run_once(processor);
	pthread_mutex_lock(&machine->lock);
	machine->running--;
	pthread_cond_broadcast(&machine->condition);
	pthread_mutex_unlock(&machine->lock);
	return NULL;
}

static void resume_threads(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	atomic_store(&machine->run, true);
	pthread_cond_broadcast(&machine->condition);
	pthread_mutex_unlock(&machine->lock);
}

static struct timespec soon(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_nsec += KICK_NSEC;
	if (time.tv_nsec >= 1000000000) {
		time.tv_nsec -= 1000000000;
		time.tv_sec++;
	}
	return time;
}

/* Returns when all threads wait. */
static void halt_threads(struct machine *machine)
{
	time_t limit = soon().tv_sec + STOP_SECONDS;

	pthread_mutex_lock(&machine->lock);
	atomic_store(&machine->run, false);
	while (machine->running) {
		struct timespec until = soon();

		for (unsigned i = 0; i < machine->threads; i++)
			pthread_kill(machine->processors[i].thread, KICK);
		pthread_cond_timedwait(&machine->condition, &machine->lock, &until);
		if (until.tv_sec > limit) {
			/* Nothing that was promised can be kept from here on; the kernel
			 * gives everything back with the process. */
			notice("a virtual processor does not stop");
			_exit(ERROR_FAILED);
		}
	}
	pthread_mutex_unlock(&machine->lock);
}

static bool start_threads(struct machine *machine, struct error *error)
{
	for (unsigned i = 0; i < machine->config.vcpus; i++) {
		struct processor *processor = &machine->processors[i];
		char name[16];
		int result;

		pthread_mutex_lock(&machine->lock);
		result = pthread_create(&processor->thread, NULL, processor_main, processor);
		if (!result)
			machine->running++; /* it counts itself off when it waits */
		pthread_mutex_unlock(&machine->lock);
		if (result)
			return error_errno(error, result, "cannot make a thread");
		machine->threads++;
		snprintf(name, sizeof(name), "VP %u", i);
		pthread_setname_np(processor->thread, name);
	}
	return true;
}

static void end_threads(struct machine *machine)
{
	halt_threads(machine);
	pthread_mutex_lock(&machine->lock);
	machine->quit = true;
	pthread_cond_broadcast(&machine->condition);
	pthread_mutex_unlock(&machine->lock);
	for (unsigned i = 0; i < machine->threads; i++)
		pthread_join(machine->processors[i].thread, NULL);
	machine->threads = 0;
	machine->quit = false;
}

/* ---- Loading ---- */

static bool file_size(int fd, const char *name, uint64_t *size, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_errno(error, errno, "%s", name);
	if (!S_ISREG(status.st_mode))
		return error_set(error, ERROR_CONFIG, "%s: not a regular file", name);
	*size = (uint64_t)status.st_size;
	return true;
}

static bool read_file(int fd, const char *name, uint8_t *bytes, uint64_t size, struct error *error)
{
	uint64_t done = 0;

	while (done < size) {
		ssize_t count = pread(fd, bytes + done, size - done, (off_t)done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return error_errno(error, errno, "%s", name);
		if (count == 0)
			return error_set(error, ERROR_CONFIG, "%s: became shorter", name);
		done += (uint64_t)count;
	}
	return true;
}

static bool run_loader(struct machine *machine, struct load *load, struct boot *boot,
		       struct error *error)
{
	const struct config *config = &machine->config;

	if (!loader_run(config->loader, load, boot, error))
		return false;
	return !load->initrd_size ||
	       read_file(config->initrd, config->initrd_name, machine->ram.bytes + boot->initrd,
			 load->initrd_size, error);
}

/*
 * All the firmware there is. Linux on reduced hardware without EFI runtime services
 * reboots by a jump to the BIOS's entry, in real mode (arch/x86/kernel/reboot.c).
 */
static void put_bios_reset(const struct ram *ram)
{
	static const uint8_t code[] = {
		0xb0,
		RESET_VALUE, /* mov al, RESET_VALUE */
		0xba,
		PORT_RESET & 0xff,
		PORT_RESET >> 8, /* mov dx, PORT_RESET */
		0xee, /* out dx, al */
		0xf4, /* hlt */
		0xeb,
		0xfd, /* jmp back to it */
	};

	memcpy(ram->bytes + LOW_BIOS_RESET, code, sizeof(code));
}

/* Kernel, initrd and tables into guest memory, which is zero. */
static bool load_guest(struct machine *machine, struct boot *boot, struct error *error)
{
	const struct config *config = &machine->config;
	struct load load = { .ram = &machine->ram,
			     .cmdline = config->cmdline,
			     .rsdp = LOW_ACPI,
			     .kernel = { .name = config->kernel_name } };
	uint8_t *kernel;
	bool good;

	if (!file_size(config->kernel, config->kernel_name, &load.kernel.size, error))
		return false;
	if (config->initrd >= 0 &&
	    !file_size(config->initrd, config->initrd_name, &load.initrd_size, error))
		return false;
	if (load.kernel.size > machine->ram.low)
		return error_set(error, ERROR_CONFIG, "memory is too small: %s has %llu KiB",
				 config->kernel_name, (unsigned long long)load.kernel.size >> 10);
	kernel = malloc(load.kernel.size + 1);
	if (!kernel)
		return error_errno(error, ENOMEM, "%s", config->kernel_name);
	load.kernel.bytes = kernel;
	good = read_file(config->kernel, config->kernel_name, kernel, load.kernel.size, error) &&
	       run_loader(machine, &load, boot, error);
	free(kernel);
	if (good && !acpi_build(machine->ram.bytes + LOW_ACPI, LOW_ACPI_SIZE, LOW_ACPI,
				config->vcpus, config->vram))
		return error_set(error, ERROR_FAILED, "the ACPI tables do not fit");
	put_bios_reset(&machine->ram);
	return good;
}

/* ---- The partition ---- */

static void send_interrupt(void *context, const struct interrupt *interrupt)
{
	struct machine *machine = context;

	/* The guest chose vector and destination; a wrong one is its own loss. */
	partition_interrupt(&machine->partition, interrupt);
}

static bool make_processors(struct machine *machine, struct error *error)
{
	for (unsigned i = 0; i < machine->config.vcpus; i++) {
		struct processor *processor = &machine->processors[i];

		if (!vp_create(&processor->vp, &machine->partition, i, error))
			return false;
		processor->machine = machine;
		processor->vcpu = (struct vcpu){
			.index = i,
			.access = &vp_access,
			.vp = &processor->vp,
			.page = processor->vp.page,
			.board = &machine->board,
			.ram = &machine->ram,
		};
	}
	return true;
}

static void drop_partition(struct machine *machine)
{
	end_threads(machine);
	for (unsigned i = 0; i < CONFIG_VCPUS_MAX; i++)
		vp_close(&machine->processors[i].vp);
	partition_close(&machine->partition);
	machine->ended = (struct end){ .reason = REASON_NONE };
	machine->end = machine->ended;
}

/* From zeroed memory to a guest that can run. The partition comes last: it pins
 * the memory, and until then nothing is lost by a kernel that is none. */
static bool make_partition(struct machine *machine, struct error *error)
{
	struct boot boot;

	board_reset(&machine->board);
	if (load_guest(machine, &boot, error) &&
	    partition_create(&machine->partition, machine->config.mshv, &machine->config, error) &&
	    partition_map(&machine->partition, &machine->ram, error) &&
	    make_processors(machine, error) && vp_boot(&machine->processors[0].vp, &boot, error) &&
	    start_threads(machine, error))
		return true;
	drop_partition(machine);
	return false;
}

/* ---- The event loop's side ---- */

/* A processor has reported the guest's end: the others are halted too. */
static void finish(struct machine *machine)
{
	halt_threads(machine);
	machine->end = machine->ended;
	set_state(machine, STATE_STOPPED);
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct machine *machine = userdata;
	uint64_t count;

	(void)source;
	(void)events;
	/* After a reset or a suspension that saw it first it is no news. */
	if (read(fd, &count, sizeof(count)) > 0 && machine->state == STATE_RUNNING &&
	    machine->ended.reason != REASON_NONE)
		finish(machine);
	return 0;
}

bool machine_init(struct machine *machine, sd_event *event, struct error *error)
{
	struct sigaction action = { .sa_handler = on_kick }; /* no SA_RESTART */
	pthread_condattr_t attributes;
	int result;

	memset(machine, 0, sizeof(*machine));
	machine->config = CONFIG_EMPTY;
	machine->event = event;
	machine->ram.fd = -1;
	machine->partition.fd = -1;
	for (unsigned i = 0; i < CONFIG_VCPUS_MAX; i++)
		machine->processors[i].vp.fd = -1;
	pthread_mutex_init(&machine->lock, NULL);
	pthread_mutex_init(&machine->board.lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&machine->condition, &attributes);
	pthread_condattr_destroy(&attributes);
	sigaction(KICK, &action, NULL);
	machine->report = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (machine->report < 0)
		return error_errno(error, errno, "eventfd");
	result = sd_event_add_io(event, &machine->report_source, machine->report, EPOLLIN,
				 on_report, machine);
	return result >= 0 || error_errno(error, -result, "event loop");
}

static bool open_mshv(struct config *config, struct error *error)
{
	if (config->mshv < 0)
		config->mshv = open(MSHV_DEVICE, O_RDWR | O_CLOEXEC);
	if (config->mshv >= 0)
		return true;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		return error_set(error, ERROR_UNSUPPORTED,
				 "%s: there is none (is the Mullion hypervisor running, and "
				 "mullion_root loaded?)",
				 MSHV_DEVICE);
	return error_errno(error, errno, "%s", MSHV_DEVICE);
}

bool machine_configure(struct machine *machine, struct config *config, struct error *error)
{
	machine->config = *config;
	*config = CONFIG_EMPTY;
	machine->board.ports.console = machine->console;
	machine->board.ports.debug_exit = machine->config.debug_exit;
	machine->board.send = send_interrupt;
	machine->board.context = machine;
	if (config_check(&machine->config, error) && open_mshv(&machine->config, error) &&
	    ram_create(&machine->ram, machine->config.memory, machine->config.vram,
		       machine->config.hugepages, error)) {
		if (make_partition(machine, error)) {
			set_state(machine, STATE_CREATED);
			return true;
		}
		ram_destroy(&machine->ram);
	}
	config_clear(&machine->config);
	return false;
}

bool machine_run(struct machine *machine, struct error *error)
{
	if (!partition_freeze(&machine->partition, false, error))
		return false;
	resume_threads(machine);
	set_state(machine, STATE_RUNNING);
	return true;
}

bool machine_suspend(struct machine *machine, struct error *error)
{
	halt_threads(machine);
	if (machine->ended.reason != REASON_NONE) {
		finish(machine);
		return error_set(error, ERROR_STATE, "the guest has ended");
	}
	if (!partition_freeze(&machine->partition, true, error)) {
		resume_threads(machine);
		return false;
	}
	set_state(machine, STATE_SUSPENDED);
	return true;
}

bool machine_reset(struct machine *machine, struct error *error)
{
	drop_partition(machine);
	if (ram_clear(&machine->ram, error) && make_partition(machine, error)) {
		set_state(machine, STATE_CREATED);
		return true;
	}
	machine->end.reason = REASON_FAILED;
	snprintf(machine->end.detail, sizeof(machine->end.detail), "%.159s", error->text);
	set_state(machine, STATE_STOPPED);
	return false;
}

void machine_destroy(struct machine *machine)
{
	drop_partition(machine);
	ram_destroy(&machine->ram);
	config_clear(&machine->config);
	machine->state = STATE_IDLE;
}

void machine_free(struct machine *machine)
{
	machine_destroy(machine);
	sd_event_source_disable_unref(machine->report_source);
	close(machine->report);
	console_free(machine->console);
	machine->console = NULL;
}
