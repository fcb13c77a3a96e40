// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: making and ending a child partition.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include "calls.h"
#include "mullion_root.h"
#include "partition.h"
#include "pool.h"
#include "watch.h"

/* By id, those that have not ended. */
static DEFINE_XARRAY(partitions);

struct mshv_partition *mullion_partition_find(u64 id)
{
	struct mshv_partition *partition;

	xa_lock(&partitions);
	partition = xa_load(&partitions, id);
	if (partition)
		kref_get(&partition->refs);
	xa_unlock(&partitions);
	return partition;
}

static void free_partition(struct kref *refs)
{
	kfree(container_of(refs, struct mshv_partition, refs));
}

void mullion_partition_unref(struct mshv_partition *partition)
{
	kref_put(&partition->refs, free_partition);
}

void mullion_partition_use(struct mshv_partition *partition)
{
	refcount_inc(&partition->users);
}

/*
 * A VP's page tells of news: something became of the partition. If hv has stopped it
 * no VP will ever have a message.
 */
static void partition_changed(struct work_struct *work)
{
	struct mshv_partition *partition = container_of(work, struct mshv_partition, changed);
	struct mullion_partition_info *info;
	unsigned int i;
	u16 status;

	info = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL);
	status = mullion_hypercall(MULLION_CALL_GET_PARTITION, partition->id, virt_to_phys(info));
	if (status != HV_STATUS_SUCCESS || info->id != partition->id)
		goto out;
	if (info->reason[0] && !partition->killed) {
		WRITE_ONCE(partition->killed, true);
		for (i = 0; i < MSHV_MAX_VPS; i++) {
			struct mshv_vp *vp = smp_load_acquire(&partition->vps[i]);

			if (vp)
				wake_up(&vp->queue);
		}
	}
	if (info->reason[0] || info->crashed)
		mullion_watch_signal(partition->id);
out:
	free_page((unsigned long)info);
}

static u16 call_with_id(u16 code, u64 id)
{
	struct hv_input_partition input = { .partition_id = id };

	return hv_status(mullion_call(code, &input, sizeof(input), NULL, 0));
}

/* Its objects are gone, their memory is in its pool; it is a page of the parent's
 * pool itself. */
static void delete_in_hv(u64 id)
{
	u16 status;

	mullion_pool_withdraw(id);
	status = call_with_id(HVCALL_DELETE_PARTITION, id);
	if (status != HV_STATUS_SUCCESS)
		pr_err("hv does not delete partition %llu, status 0x%x\n", id, status);
	mullion_pool_withdraw(HV_PARTITION_ID_SELF);
}

/*
 * The last user has gone. Finalizing stops and frees the VPs and unmaps all memory.
 * Should hv refuse that, what it shares with us is not ours to free.
 */
static void end_partition(struct mshv_partition *partition)
{
	unsigned int i;
	u16 status;

	xa_erase(&partitions, partition->id);
	disable_work_sync(&partition->changed);
	mullion_partition_irqs_release(partition);
	mullion_doorbells_release(partition);
	down_write(&partition->life);
	partition->ended = true;
	status = call_with_id(HVCALL_FINALIZE_PARTITION, partition->id);
	if (status != HV_STATUS_SUCCESS) {
		pr_err("hv does not end partition %llu, status 0x%x\n", partition->id, status);
		up_write(&partition->life);
		return;
	}
	for (i = 0; i < MSHV_MAX_VPS; i++) {
		if (partition->vps[i])
			mullion_vp_free(partition->vps[i]);
	}
	mullion_memory_release(partition);
	delete_in_hv(partition->id);
	up_write(&partition->life);
	mullion_attached_end(partition);
	mullion_watch_signal(partition->id);
	mullion_partition_unref(partition);
}

void mullion_partition_drop(struct mshv_partition *partition)
{
	if (refcount_dec_and_test(&partition->users))
		end_partition(partition);
}

static struct mshv_partition *alloc_partition(void)
{
	struct mshv_partition *partition = kzalloc(sizeof(*partition), GFP_KERNEL_ACCOUNT);

	if (!partition)
		return NULL;
	refcount_set(&partition->users, 1);
	kref_init(&partition->refs);
	init_rwsem(&partition->life);
	mutex_init(&partition->lock);
	mullion_memory_init(&partition->memory);
	mullion_partition_irqs_init(&partition->irqs);
	INIT_WORK(&partition->changed, partition_changed);
	mutex_init(&partition->attached_lock);
	INIT_LIST_HEAD(&partition->attached);
	return partition;
}

static int create_in_hv(const struct mshv_create_partition_v2 *arguments, u64 *id)
{
	struct hv_output_create_partition output = {};
	struct hv_input_create_partition input = {
		.flags = HV_PARTITION_CREATION_FLAG_EXO_PARTITION |
			 HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE_ENABLED,
		.disabled_processor_features = { arguments->pt_cpu_fbanks[0],
						 arguments->pt_cpu_fbanks[1] },
		.disabled_xsave_features = arguments->pt_disabled_xsave,
	};
	int error;

	if (arguments->pt_flags & 1u << MSHV_PT_BIT_LAPIC)
		input.flags |= HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED;
	if (arguments->pt_flags & 1u << MSHV_PT_BIT_X2APIC)
		input.flags |= HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE;
	if (arguments->pt_flags & 1u << MSHV_PT_BIT_GPA_SUPER_PAGES)
		input.flags |= HV_PARTITION_CREATION_FLAG_GPA_SUPER_PAGES_ENABLED;
	error = mullion_partition_call(HV_PARTITION_ID_SELF, HVCALL_CREATE_PARTITION, &input,
				       sizeof(input), &output, sizeof(output));
	*id = output.partition_id;
	return error;
}

long mullion_partition_create(const struct mshv_create_partition_v2 *arguments)
{
	struct mshv_partition *partition = alloc_partition();
	struct file *file;
	int fd, error;

	if (!partition)
		return -ENOMEM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		error = fd;
		goto no_fd;
	}
	error = create_in_hv(arguments, &partition->id);
	if (error)
		goto no_partition;
	error = xa_insert(&partitions, partition->id, partition, GFP_KERNEL);
	if (error)
		goto no_entry;
	file = anon_inode_getfile("mshv_partition", &mullion_partition_fops, partition, O_RDWR);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto no_file;
	}
	mullion_watch_signal(partition->id);
	fd_install(fd, file);
	return fd;

no_file:
	xa_erase(&partitions, partition->id);
	partition->ended = true;
no_entry:
	delete_in_hv(partition->id);
no_partition:
	put_unused_fd(fd);
no_fd:
	mullion_partition_unref(partition);
	return error;
}
