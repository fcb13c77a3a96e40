// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: /dev/mshv and a partition's file: who serves which call.
 *
 * Numbers are compared whole: another size or direction is another call. Structures
 * are copied once, before any lock is taken.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include <mullion/uapi.h>
#include "calls.h"
#include "events.h"
#include "hook.h"
#include "mullion_root.h"
#include "partition.h"
#include "pool.h"

static long initialize(struct mshv_partition *partition, void __user *argument)
{
	struct hv_input_partition input = { .partition_id = partition->id };
	int error = 0;

	if (mutex_lock_killable(&partition->lock))
		return -EINTR;
	if (!partition->initialized)
		error = mullion_partition_call(partition->id, HVCALL_INITIALIZE_PARTITION, &input,
					       sizeof(input), NULL, 0);
	if (!error)
		partition->initialized = true;
	mutex_unlock(&partition->lock);
	return error;
}

static long create_vp(struct mshv_partition *partition, void __user *argument)
{
	struct mshv_create_vp user;
	long result;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (mutex_lock_killable(&partition->lock))
		return -EINTR;
	result = mullion_vp_create(partition, user.vp_index);
	mutex_unlock(&partition->lock);
	return result;
}

static long set_guest_memory(struct mshv_partition *partition, void __user *argument)
{
	struct mshv_user_mem_region user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	return mullion_memory_set(partition, &user);
}

static long irqfd(struct mshv_partition *partition, void __user *argument)
{
	struct mshv_user_irqfd user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	return mullion_irqfd(partition, &user);
}

static long ioeventfd(struct mshv_partition *partition, void __user *argument)
{
	struct mshv_user_ioeventfd user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	return mullion_ioeventfd(partition, &user);
}

static long set_msi_routing(struct mshv_partition *partition, void __user *argument)
{
	return mullion_msi_routing(partition, argument);
}

static long get_access_bitmap(struct mshv_partition *partition, void __user *argument)
{
	struct mshv_gpap_access_bitmap user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	return mullion_access_bitmap(partition, &user);
}

static long root_hvcall(struct mshv_partition *partition, void __user *argument)
{
	return mullion_root_hvcall(partition, argument, false);
}

static long set_name(struct mshv_partition *partition, void __user *argument)
{
	struct mullion_partition_name input = { .partition = partition->id };
	struct mullion_name user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (!memchr(user.name, '\0', sizeof(user.name)))
		return -EINVAL;
	memcpy(input.uuid, user.uuid, sizeof(input.uuid));
	strscpy_pad(input.name, user.name);
	return mullion_partition_call(partition->id, MULLION_CALL_SET_NAME, &input, sizeof(input),
				      NULL, 0);
}

static long get_id(struct mshv_partition *partition, void __user *argument)
{
	return put_user(partition->id, (__u64 __user *)argument);
}

static const struct {
	unsigned int command;
	long (*serve)(struct mshv_partition *partition, void __user *argument);
} calls[] = {
	{ MSHV_INITIALIZE_PARTITION, initialize },
	{ MSHV_CREATE_VP, create_vp },
	{ MSHV_SET_GUEST_MEMORY, set_guest_memory },
	{ MSHV_IRQFD, irqfd },
	{ MSHV_IOEVENTFD, ioeventfd },
	{ MSHV_SET_MSI_ROUTING, set_msi_routing },
	{ MSHV_GET_GPAP_ACCESS_BITMAP, get_access_bitmap },
	{ MSHV_ROOT_HVCALL, root_hvcall },
	{ MULLION_IOC_SET_NAME, set_name },
	{ MULLION_IOC_GET_ID, get_id },
};

static long partition_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].command == command)
			return calls[i].serve(file->private_data, (void __user *)argument);
	}
	return -ENOTTY;
}

static int partition_release(struct inode *inode, struct file *file)
{
	mullion_partition_drop(file->private_data);
	return 0;
}

const struct file_operations mullion_partition_fops = {
	.owner = THIS_MODULE,
	.release = partition_release,
	.unlocked_ioctl = partition_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* The second version of the structure is announced by a flag in the first. */
static int read_arguments(struct mshv_create_partition_v2 *arguments, void __user *user)
{
	size_t known = sizeof(struct mshv_create_partition);

	memset(arguments, 0, sizeof(*arguments));
	if (copy_from_user(arguments, user, known))
		return -EFAULT;
	if (arguments->pt_flags & ~(u64)MSHV_PT_FLAGS_MASK ||
	    arguments->pt_isolation != MSHV_PT_ISOLATION_NONE)
		return -EINVAL;
	if (!(arguments->pt_flags & 1u << MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES))
		return 0;
	if (copy_from_user((u8 *)arguments + known, (u8 __user *)user + known,
			   sizeof(*arguments) - known))
		return -EFAULT;
	if (arguments->pt_num_cpu_fbanks != MSHV_NUM_CPU_FEATURES_BANKS ||
	    memchr_inv(arguments->pt_rsvd, 0, sizeof(arguments->pt_rsvd)) ||
	    memchr_inv(arguments->pt_rsvd1, 0, sizeof(arguments->pt_rsvd1)))
		return -EINVAL;
	return 0;
}

static long mshv_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct mshv_create_partition_v2 arguments;
	int error;

	if (command != MSHV_CREATE_PARTITION)
		return -ENOTTY;
	error = read_arguments(&arguments, (void __user *)argument);
	return error ?: mullion_partition_create(&arguments);
}

static const struct file_operations mshv_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = mshv_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice mshv_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mshv",
	.fops = &mshv_fops,
	.mode = 0600,
};

int mullion_mshv_init(void)
{
	int error;

	if (!mullion_serves_partitions())
		return 0;
	error = mullion_calls_init();
	if (error)
		return error;
	error = mullion_hooks_setup();
	if (error)
		goto no_hooks;
	error = mullion_events_init();
	if (error)
		goto no_events;
	error = misc_register(&mshv_device);
	if (error)
		goto no_device;
	return 0;

no_device:
	mullion_events_exit();
no_events:
	mullion_hooks_exit();
no_hooks:
	mullion_calls_exit();
	return error;
}

void mullion_mshv_exit(void)
{
	if (!mullion_serves_partitions())
		return;
	misc_deregister(&mshv_device);
	mullion_events_exit();
	mullion_hooks_exit();
	mullion_pool_exit();
	mullion_calls_exit();
}
