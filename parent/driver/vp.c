// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: a virtual processor and its runner.
 *
 * hv schedules VPs; who runs one waits for its message. The call that starts it
 * lends it the caller's CPU, so that it often comes back with the message; else
 * the VP's event wakes the runner. A signal ends the waiting: the VP is suspended
 * then, and if it had come to a message before, that is delivered first.
 */
#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include <hyperv/message.h>
#include <hyperv/status.h>
#include "calls.h"
#include "mullion_root.h"
#include "partition.h"

static_assert(sizeof_field(struct mullion_vp_page, message) == MSHV_RUN_VP_BUF_SZ);

static u32 vp_state(const struct mshv_vp *vp)
{
	return smp_load_acquire(&vp->page->state);
}

static void vp_signal(struct mullion_event *event)
{
	struct mshv_vp *vp = container_of(event, struct mshv_vp, event);

	u32 news = READ_ONCE(vp->page->news);

	if (news != vp->news) {
		vp->news = news;
		schedule_work(&vp->partition->changed);
	}
	wake_up(&vp->queue);
}

/* Is the message for this kernel, and the VP to go on? */
static bool message_taken(struct mshv_vp *vp)
{
	const struct hv_message *message = (const void *)vp->page->message;
	const struct hv_x64_apic_eoi_message *eoi = (const void *)message->bytes;

	switch (message->header.message_type) {
	case HVMSG_UNMAPPED_GPA:
		return mullion_doorbell_ring(vp);
	case HVMSG_X64_APIC_EOI:
		return mullion_irq_acknowledged(vp->partition, eoi->vector);
	default:
		return false;
	}
}

/* Runs the VP until it has a message. */
static int wait_for_message(struct mshv_vp *vp)
{
	u64 id = vp->partition->id;
	u16 status;

	if (signal_pending(current))
		return -EINTR;
	status = mullion_hypercall(MULLION_CALL_RUN_VP, id, vp->index);
	if (status != HV_STATUS_SUCCESS)
		return mullion_errno(status);
	if (wait_event_interruptible(vp->queue, vp_state(vp) != MULLION_VP_PAGE_RUN ||
							READ_ONCE(vp->partition->killed)))
		mullion_hypercall(MULLION_CALL_STOP_VP, id, vp->index);
	if (vp_state(vp) == MULLION_VP_PAGE_MESSAGE)
		return 0;
	return READ_ONCE(vp->partition->killed) ? -EIO : -EINTR;
}

static long vp_run(struct mshv_vp *vp, struct mshv_run_vp __user *user)
{
	int error;

	while (!vp->undelivered) {
		error = wait_for_message(vp);
		if (error)
			return error;
		vp->undelivered = !message_taken(vp);
	}
	if (copy_to_user(user->msg_buf, vp->page->message, sizeof(vp->page->message)))
		return -EFAULT;
	vp->undelivered = false;
	return 0;
}

static long vp_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct mshv_vp *vp = file->private_data;
	void __user *user = (void __user *)argument;
	long result;

	if (command == MSHV_ROOT_HVCALL)
		return mullion_root_hvcall(vp->partition, user, true);
	if (mutex_lock_interruptible(&vp->lock))
		return -EINTR;
	switch (command) {
	case MSHV_RUN_VP:
		result = vp_run(vp, user);
		break;
	case MSHV_GET_VP_STATE:
		result = mullion_vp_state(vp, user, false);
		break;
	case MSHV_SET_VP_STATE:
		result = mullion_vp_state(vp, user, true);
		break;
	default:
		result = -ENOTTY;
	}
	mutex_unlock(&vp->lock);
	return result;
}

/* The register page alone: the message's page tells this module what to do. */
static int vp_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mshv_vp *vp = file->private_data;

	if (vma->vm_pgoff != MSHV_VP_MMAP_OFFSET_REGISTERS || vma_pages(vma) != 1 ||
	    !(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	return vm_insert_page(vma, vma->vm_start, virt_to_page(vp->registers));
}

static int vp_release(struct inode *inode, struct file *file)
{
	struct mshv_vp *vp = file->private_data;

	mullion_partition_drop(vp->partition);
	return 0;
}

const struct file_operations mullion_vp_fops = {
	.owner = THIS_MODULE,
	.release = vp_release,
	.unlocked_ioctl = vp_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vp_mmap,
	.llseek = noop_llseek,
};

static void free_vp(struct mshv_vp *vp)
{
	free_page((unsigned long)vp->page);
	free_page((unsigned long)vp->registers);
	kfree(vp);
}

static struct mshv_vp *alloc_vp(struct mshv_partition *partition, u32 index)
{
	struct mshv_vp *vp = kzalloc(sizeof(*vp), GFP_KERNEL_ACCOUNT);

	if (!vp)
		return NULL;
	vp->partition = partition;
	vp->index = index;
	vp->event.signal = vp_signal;
	mutex_init(&vp->lock);
	init_waitqueue_head(&vp->queue);
	vp->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vp->registers = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vp->page || !vp->registers) {
		free_vp(vp);
		return NULL;
	}
	vp->page->state = MULLION_VP_PAGE_SUSPENDED;
	return vp;
}

static void delete_in_hv(struct mshv_vp *vp)
{
	struct hv_input_delete_vp input = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};

	mullion_call(HVCALL_DELETE_VP, &input, sizeof(input), NULL, 0);
}

static int create_in_hv(struct mshv_vp *vp)
{
	u64 id = vp->partition->id;
	struct hv_input_create_vp create = { .partition_id = id, .vp_index = vp->index };
	struct mullion_bind_vp bind = {
		.partition = id,
		.vp = vp->index,
		.event = vp->event.number,
		.page_gpa = virt_to_phys(vp->page),
		.registers_gpa = virt_to_phys(vp->registers),
	};
	int error;

	error = mullion_partition_call(id, HVCALL_CREATE_VP, &create, sizeof(create), NULL, 0);
	if (error)
		return error;
	error = mullion_partition_call(id, MULLION_CALL_BIND_VP, &bind, sizeof(bind), NULL, 0);
	if (error)
		delete_in_hv(vp);
	return error;
}

long mullion_vp_create(struct mshv_partition *partition, u32 index)
{
	struct mshv_vp *vp;
	struct file *file;
	int fd, error;

	if (index >= MSHV_MAX_VPS)
		return -EINVAL;
	if (partition->vps[index])
		return -EEXIST;
	vp = alloc_vp(partition, index);
	if (!vp)
		return -ENOMEM;
	error = mullion_event_add(&vp->event);
	if (error)
		goto no_event;
	error = create_in_hv(vp);
	if (error)
		goto no_vp;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		error = fd;
		goto no_fd;
	}
	file = anon_inode_getfile("mshv_vp", &mullion_vp_fops, vp, O_RDWR);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto no_file;
	}
	mullion_partition_use(partition);
	smp_store_release(&partition->vps[index], vp);
	fd_install(fd, file);
	return fd;

no_file:
	put_unused_fd(fd);
no_fd:
	delete_in_hv(vp);
no_vp:
	mullion_event_remove(&vp->event);
no_event:
	free_vp(vp);
	return error;
}

void mullion_vp_free(struct mshv_vp *vp)
{
	mullion_event_remove(&vp->event);
	free_vp(vp);
}
