#pragma once
#include <stdint.h>

// An SQLite VFS between SQLite and the real one that can do what disks do.
//
// - The power goes at a chosen operation: from then on every call fails, and faulty_disk_lose puts
//   the files into a state that a disk may be in: what was not synced is gone, or is there in part.
// - A chosen operation fails, once or for ever, with a chosen SQLite result code.
// - The files together may not grow beyond a capacity.
//
// Syncs do not reach the real disk, which makes thousands of runs affordable. Deletions count as
// durable at once. One disk serves one thread.

typedef struct faulty_disk faulty_disk;

enum faulty_operation {
    FAULTY_READ = 1, FAULTY_WRITE = 2, FAULTY_SYNC = 4, FAULTY_TRUNCATE = 8,
};

// Registers a VFS under `name`, which must be new in this process; NULL when there is no memory.
faulty_disk *faulty_disk_create(const char *name);

// Unregisters the VFS and frees it; every connection through it must be closed.
void faulty_disk_destroy(faulty_disk *disk);

// Writes, syncs and truncations so far.
int64_t faulty_disk_operations(const faulty_disk *disk);

// Cuts the power at the operation of this number, counted from 1; 0 never.
void faulty_disk_cut_at(faulty_disk *disk, int64_t operation);

// Lets every call fail from now on as after a power cut, or work again. Whoever dies without losing
// power leaves its files as they are; closing them would copy the log back.
void faulty_disk_stop(faulty_disk *disk, int is_stopped);

// Whether the power has gone.
int faulty_disk_is_cut(const faulty_disk *disk);

// Lets `count` operations of the kinds in `kinds` fail with `code`, after `skip` that do not.
void faulty_disk_fail(faulty_disk *disk, int kinds, int64_t skip, int64_t count, int code);

// Operations that failed because faulty_disk_fail said so.
int64_t faulty_disk_failures(const faulty_disk *disk);

// Lets writes fail with SQLITE_FULL beyond so many bytes of all files together; 0 for no limit.
// A file at `beside`, if not NULL, takes its share.
void faulty_disk_capacity(faulty_disk *disk, int64_t bytes, const char *beside);

// Puts the files into a state after a power cut: with seed 0 nothing survives that was not synced,
// otherwise each 512-byte sector survives or not as the seed decides. Returns 0, or an errno.
int faulty_disk_lose(faulty_disk *disk, uint64_t seed);
