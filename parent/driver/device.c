// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: /dev/mullion (mullion/uapi.h).
 *
 * What an open file has is its watches (control.c). A file or a mapping of one keeps
 * the module loaded.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include <mullion/uapi.h>
#include "control.h"
#include "mullion_root.h"
#include "watch.h"

static_assert(MULLION_MMAP_LOG % PAGE_SIZE == 0 && MULLION_MMAP_STATS % PAGE_SIZE == 0);

static void clear_vm_flags(struct vm_area_struct *vma, unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/*
 * The caller's structure may be shorter or longer than ours, by the size in
 * the ioctl's number: it gets what both know, zeros for the rest, and in the
 * field size what it got.
 */
static long get_info(void __user *user, size_t user_size)
{
	struct mullion_hv_info info = *mullion_hv_info();
	size_t known = min(user_size, sizeof(info));

	if (user_size < offsetofend(struct mullion_hv_info, abi))
		return -ENOTTY;
	info.size = min_t(size_t, info.size, known);
	if (copy_to_user(user, &info, known))
		return -EFAULT;
	if (clear_user((u8 __user *)user + known, user_size - known))
		return -EFAULT;
	return 0;
}

static long mullion_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	if (_IOC_TYPE(command) != MULLION_IOC_MAGIC)
		return -ENOTTY;
	if (_IOC_NR(command) == _IOC_NR(MULLION_IOC_INFO) &&
	    _IOC_DIR(command) == _IOC_DIR(MULLION_IOC_INFO))
		return get_info((void __user *)argument, _IOC_SIZE(command));
	return mullion_control(file->private_data, command, (void __user *)argument);
}

static int mullion_open(struct inode *inode, struct file *file)
{
	struct mullion_watches *watches = kzalloc(sizeof(*watches), GFP_KERNEL_ACCOUNT);

	if (!watches)
		return -ENOMEM;
	mullion_watches_init(watches);
	file->private_data = watches;
	return nonseekable_open(inode, file);
}

static int mullion_release(struct inode *inode, struct file *file)
{
	mullion_watches_release(file->private_data);
	kfree(file->private_data);
	return 0;
}

static int mullion_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct mullion_hv_info *info = mullion_hv_info();
	unsigned long length = vma->vm_end - vma->vm_start;
	u64 gpa, size;

	switch (vma->vm_pgoff) {
	case MULLION_MMAP_LOG >> PAGE_SHIFT:
		gpa = info->log_gpa;
		size = info->log_size;
		break;
	case MULLION_MMAP_STATS >> PAGE_SHIFT:
		gpa = info->stats_gpa;
		size = info->stats_size;
		break;
	default:
		return -EINVAL;
	}
	if (!size)
		return -ENODEV;
	/* VM_SHARED is not set where the file is open for reading only. */
	if (length > size || !(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	clear_vm_flags(vma, VM_MAYWRITE | VM_MAYEXEC);
	return remap_pfn_range(vma, vma->vm_start, gpa >> PAGE_SHIFT, length, vma->vm_page_prot);
}

static const struct file_operations mullion_fops = {
	.owner = THIS_MODULE,
	.open = mullion_open,
	.release = mullion_release,
	.unlocked_ioctl = mullion_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = mullion_mmap,
};

static struct miscdevice mullion_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mullion",
	.fops = &mullion_fops,
	.mode = 0600,
};

int mullion_device_init(void)
{
	return misc_register(&mullion_device);
}

void mullion_device_exit(void)
{
	misc_deregister(&mullion_device);
}
