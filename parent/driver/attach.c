// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: a file that stands for a partition of somebody else's, for those who
 * serve its ports (MULLION_IOC_ATTACH).
 *
 * It keeps the structure, not the partition: every call looks whether that has
 * ended. Each file has an inode of its own, so that its mappings of the guest's
 * memory can be found and torn down when the guest loses the memory.
 */
#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include <mullion/uapi.h>
#include "calls.h"
#include "hook.h"
#include "partition.h"

struct port {
	struct mullion_event event;
	u32 connection;
	u32 type; /* MULLION_PORT_* */
	struct eventfd_ctx *eventfd;
	struct mullion_message_ring *ring; /* shared with hv; NULL for events */
};

struct attached {
	struct mshv_partition *partition;
	struct list_head list; /* in the partition's, under its attached_lock */
	struct address_space *mapping; /* of this file alone */
	wait_queue_head_t queue; /* for poll: the partition has ended */
	struct mutex lock; /* ports, and who changes the signals */
	struct xarray ports; /* by connection */
	struct mullion_hooks signals; /* signal.c */
};

static void port_signal(struct mullion_event *event)
{
	eventfd_signal(container_of(event, struct port, event)->eventfd);
}

/* Takes the partition's life for reading, unless it has ended. */
static int hold(struct attached *attached)
{
	struct mshv_partition *partition = attached->partition;

	down_read(&partition->life);
	if (!partition->ended)
		return 0;
	up_read(&partition->life);
	return -ENODEV;
}

static void let_go(struct attached *attached)
{
	up_read(&attached->partition->life);
}

static void free_port(struct port *port)
{
	free_page((unsigned long)port->ring);
	eventfd_ctx_put(port->eventfd);
	kfree(port);
}

static struct port *new_port(const struct mullion_port *user)
{
	struct port *port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);
	int error;

	if (!port)
		return ERR_PTR(-ENOMEM);
	port->event.signal = port_signal;
	port->connection = user->connection;
	port->type = user->type;
	port->eventfd = eventfd_ctx_fdget(user->eventfd);
	if (IS_ERR(port->eventfd)) {
		error = PTR_ERR(port->eventfd);
		kfree(port);
		return ERR_PTR(error);
	}
	if (port->type == MULLION_PORT_MESSAGE) {
		port->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!port->ring) {
			free_port(port);
			return ERR_PTR(-ENOMEM);
		}
	}
	return port;
}

static int call_about_port(struct attached *attached, const struct port *port, u16 code)
{
	struct mullion_bind_port input = {
		.partition = attached->partition->id,
		.connection = port->connection,
		.type = port->type,
		.event = port->event.number,
		.ring_gpa = port->ring ? virt_to_phys(port->ring) : 0,
	};

	return mullion_partition_call(input.partition, code, &input, sizeof(input), NULL, 0);
}

/* The partition has not ended. */
static int bind_in_hv(struct attached *attached, struct port *port)
{
	int error = mullion_event_add(&port->event);

	if (error)
		return error;
	error = call_about_port(attached, port, MULLION_CALL_BIND_PORT);
	if (error)
		mullion_event_remove(&port->event);
	/* All fields were checked: what is left is another file's port. */
	return error == -EINVAL ? -EEXIST : error;
}

static void unbind(struct attached *attached, struct port *port, bool ended)
{
	if (!ended)
		call_about_port(attached, port, MULLION_CALL_UNBIND_PORT);
	mullion_event_remove(&port->event);
	free_port(port);
}

static long bind_port(struct attached *attached, void __user *argument)
{
	struct mullion_port user;
	struct port *port;
	int error;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || user.connection & ~HV_CONNECTION_ID_MASK ||
	    (user.type != MULLION_PORT_MESSAGE && user.type != MULLION_PORT_EVENT))
		return -EINVAL;
	port = new_port(&user);
	if (IS_ERR(port))
		return PTR_ERR(port);
	mutex_lock(&attached->lock);
	error = xa_insert(&attached->ports, port->connection, port, GFP_KERNEL);
	if (error == -EBUSY)
		error = -EEXIST;
	if (!error) {
		error = bind_in_hv(attached, port);
		if (error)
			xa_erase(&attached->ports, port->connection);
	}
	mutex_unlock(&attached->lock);
	if (error)
		free_port(port);
	return error;
}

static long unbind_port(struct attached *attached, void __user *argument)
{
	struct mullion_port user;
	struct port *port;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || user.type || user.eventfd != -1 ||
	    user.connection & ~HV_CONNECTION_ID_MASK)
		return -EINVAL;
	mutex_lock(&attached->lock);
	port = xa_erase(&attached->ports, user.connection);
	if (port)
		unbind(attached, port, false);
	mutex_unlock(&attached->lock);
	return port ? 0 : -ENOENT;
}

/* The oldest message goes to the caller, then its slot to hv. */
static int take_message(struct mullion_message_ring *ring, u8 __user *to)
{
	u64 tail = ring->tail;

	if (smp_load_acquire(&ring->head) == tail)
		return -EAGAIN;
	if (copy_to_user(to, ring->messages[tail % MULLION_RING_MESSAGES], HV_MESSAGE_SIZE))
		return -EFAULT;
	smp_store_release(&ring->tail, tail + 1);
	return 0;
}

static long read_message(struct attached *attached, void __user *argument)
{
	struct mullion_message __user *user = argument;
	struct port *port;
	u32 connection, reserved;
	int error;

	if (get_user(connection, &user->connection) || get_user(reserved, &user->reserved))
		return -EFAULT;
	if (reserved)
		return -EINVAL;
	mutex_lock(&attached->lock);
	port = xa_load(&attached->ports, connection);
	if (port && port->ring)
		error = take_message(port->ring, user->message);
	else
		error = -ENOENT;
	mutex_unlock(&attached->lock);
	return error;
}

static long post_message(struct attached *attached, void __user *argument)
{
	struct hv_input_post_message_direct input = {};
	struct mullion_message user;
	u16 status;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.connection || user.reserved || user.sint >= HV_SYNIC_SINT_COUNT)
		return -EINVAL;
	input.partition_id = attached->partition->id;
	input.vp_index = user.vp;
	input.sint = user.sint;
	memcpy(input.message, user.message, sizeof(input.message));
	status =
		hv_status(mullion_call(HVCALL_POST_MESSAGE_DIRECT, &input, sizeof(input), NULL, 0));
	return status == HV_STATUS_INSUFFICIENT_BUFFERS ? -EAGAIN : mullion_errno(status);
}

static long signal_event(struct attached *attached, void __user *argument)
{
	return mullion_signal_event(attached->partition, argument);
}

static long bind_signal(struct attached *attached, void __user *argument)
{
	long result;

	mutex_lock(&attached->lock);
	result = mullion_signal_bind(attached->partition, &attached->signals, argument);
	mutex_unlock(&attached->lock);
	return result;
}

static long unbind_signal(struct attached *attached, void __user *argument)
{
	long result;

	mutex_lock(&attached->lock);
	result = mullion_signal_unbind(&attached->signals, argument);
	mutex_unlock(&attached->lock);
	return result;
}

/* Tells how many there are also where there is no room for them. */
static long list_memory(struct attached *attached, void __user *argument)
{
	struct mullion_memory __user *user = argument;
	struct mullion_range *ranges;
	struct mullion_memory args;
	long result = 0;
	u32 count;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.reserved || args.count > MULLION_RANGES_MAX)
		return -EINVAL;
	ranges = kvmalloc_array(max(args.count, 1u), sizeof(*ranges), GFP_KERNEL_ACCOUNT);
	if (!ranges)
		return -ENOMEM;
	count = mullion_memory_ranges(attached->partition, ranges, args.count);
	if (put_user(count, &user->count))
		result = -EFAULT;
	else if (count > args.count)
		result = -ENOBUFS;
	else if (copy_to_user((void __user *)(unsigned long)args.ranges, ranges,
			      count * sizeof(*ranges)))
		result = -EFAULT;
	kvfree(ranges);
	return result;
}

static long memory_file(struct attached *attached, void __user *argument)
{
	struct mullion_memory_file args;
	struct file *file;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.size || args.offset || args.fd || args.reserved)
		return -EINVAL;
	file = mullion_memory_file(attached->partition, &args);
	if (IS_ERR(file))
		return PTR_ERR(file);
	args.fd = get_unused_fd_flags(O_CLOEXEC);
	if (args.fd < 0) {
		fput(file);
		return args.fd;
	}
	if (copy_to_user(argument, &args, sizeof(args))) {
		put_unused_fd(args.fd);
		fput(file);
		return -EFAULT;
	}
	fd_install(args.fd, file);
	return 0;
}

static long reference_time(struct attached *attached, void __user *argument)
{
	struct hv_input_get_partition_property input = {
		.partition_id = attached->partition->id,
		.property_code = HV_PARTITION_PROPERTY_REFERENCE_TIME,
	};
	struct hv_output_get_partition_property output;
	u16 status = hv_status(mullion_call(HVCALL_GET_PARTITION_PROPERTY, &input, sizeof(input),
					    &output, sizeof(output)));

	if (status != HV_STATUS_SUCCESS)
		return mullion_errno(status);
	return put_user(output.property_value, (__u64 __user *)argument);
}

static const struct {
	unsigned int command;
	long (*serve)(struct attached *attached, void __user *argument);
} calls[] = {
	{ MULLION_IOC_BIND_PORT, bind_port },		{ MULLION_IOC_UNBIND_PORT, unbind_port },
	{ MULLION_IOC_READ_MESSAGE, read_message },	{ MULLION_IOC_POST_MESSAGE, post_message },
	{ MULLION_IOC_SIGNAL_EVENT, signal_event },	{ MULLION_IOC_BIND_SIGNAL, bind_signal },
	{ MULLION_IOC_UNBIND_SIGNAL, unbind_signal },	{ MULLION_IOC_MEMORY, list_memory },
	{ MULLION_IOC_REFERENCE_TIME, reference_time }, { MULLION_IOC_MEMORY_FILE, memory_file },
};

static long attached_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct attached *attached = file->private_data;
	unsigned int i;
	long result;

	for (i = 0; i < ARRAY_SIZE(calls) && calls[i].command != command; i++)
		;
	if (i == ARRAY_SIZE(calls))
		return -ENOTTY;
	result = hold(attached);
	if (result)
		return result;
	result = calls[i].serve(attached, (void __user *)argument);
	let_go(attached);
	return result;
}

static __poll_t attached_poll(struct file *file, poll_table *poll)
{
	struct attached *attached = file->private_data;

	poll_wait(file, &attached->queue, poll);
	return READ_ONCE(attached->partition->ended) ? EPOLLHUP : 0;
}

static vm_fault_t insert_page(struct vm_fault *fault, unsigned long pfn)
{
	return vmf_insert_pfn(fault->vma, fault->address & PAGE_MASK, pfn);
}

/* A page that the guest loses is unmapped after it left the regions. */
static vm_fault_t attached_fault(struct vm_fault *fault)
{
	struct attached *attached = fault->vma->vm_file->private_data;

	return mullion_memory_fault(attached->partition, fault->pgoff, fault, insert_page);
}

static const struct vm_operations_struct attached_vm_ops = {
	.fault = attached_fault,
};

/* Under the mmap_lock, inside of which a partition's life is not taken. Who ends
 * it, or takes memory away, finds the mapping. */
static int attached_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct attached *attached = file->private_data;
	bool writable;

	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	if (READ_ONCE(attached->partition->ended))
		return -ENODEV;
	if (!mullion_memory_has(attached->partition, vma->vm_pgoff, vma_pages(vma), &writable))
		return -EFAULT;
	if (vma->vm_flags & VM_WRITE && !writable)
		return -EACCES;
	vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_IO,
		     VM_MAYEXEC | (writable ? 0 : VM_MAYWRITE));
	vma->vm_ops = &attached_vm_ops;
	return 0;
}

static int attached_release(struct inode *inode, struct file *file)
{
	struct attached *attached = file->private_data;
	struct mshv_partition *partition = attached->partition;
	struct port *port;
	unsigned long connection;

	mutex_lock(&partition->attached_lock);
	list_del(&attached->list);
	mutex_unlock(&partition->attached_lock);
	mullion_hooks_remove(&attached->signals, NULL, NULL);
	down_read(&partition->life);
	xa_for_each(&attached->ports, connection, port) unbind(attached, port, partition->ended);
	up_read(&partition->life);
	xa_destroy(&attached->ports);
	kfree(attached);
	mullion_partition_unref(partition);
	return 0;
}

static const struct file_operations attached_fops = {
	.owner = THIS_MODULE,
	.release = attached_release,
	.unlocked_ioctl = attached_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = attached_poll,
	.mmap = attached_mmap,
	.llseek = noop_llseek,
};

long mullion_attach(struct mshv_partition *partition)
{
	struct attached *attached = kzalloc(sizeof(*attached), GFP_KERNEL_ACCOUNT);
	struct file *file;
	int fd, error = -ENOMEM;

	if (!attached)
		goto no_memory;
	attached->partition = partition;
	init_waitqueue_head(&attached->queue);
	mutex_init(&attached->lock);
	xa_init(&attached->ports);
	mullion_hooks_init(&attached->signals);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		error = fd;
		goto no_fd;
	}
	file = anon_inode_create_getfile("mullion_partition", &attached_fops, attached, O_RDWR,
					 NULL);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto no_file;
	}
	attached->mapping = file->f_mapping;
	mutex_lock(&partition->attached_lock);
	list_add(&attached->list, &partition->attached);
	mutex_unlock(&partition->attached_lock);
	fd_install(fd, file);
	return fd;

no_file:
	put_unused_fd(fd);
no_fd:
	kfree(attached);
no_memory:
	mullion_partition_unref(partition);
	return error;
}

void mullion_attached_unmap(struct mshv_partition *partition, u64 gfn, u64 count)
{
	struct attached *attached;

	mutex_lock(&partition->attached_lock);
	list_for_each_entry(attached, &partition->attached, list)
		unmap_mapping_range(attached->mapping, gfn << PAGE_SHIFT, count << PAGE_SHIFT, 1);
	mutex_unlock(&partition->attached_lock);
}

void mullion_attached_end(struct mshv_partition *partition)
{
	struct attached *attached;

	mutex_lock(&partition->attached_lock);
	list_for_each_entry(attached, &partition->attached, list)
		wake_up_poll(&attached->queue, EPOLLHUP);
	mutex_unlock(&partition->attached_lock);
}
