#include "faulty_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { sector_size = 512, files_max = 16 };

// What a write or truncation replaced, newest first.
typedef struct change {
    struct change *older;
    int64_t offset;
    int64_t old_size;      // bytes of the file before
    int64_t count;         // bytes of `old`, from `offset` on
    unsigned char old[];
} change;

// A file by its path; it outlives the handles that SQLite opens on it.
typedef struct {
    char *path;
    change *unsynced;
    int64_t size;
} disk_file;

struct faulty_disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    char *name;
    disk_file files[files_max];
    int file_count;
    int64_t operations, cut_at;
    int is_cut;
    int kinds, code;
    int64_t skip, count, failures;
    int64_t capacity;
    char *beside;
};

typedef struct {
    sqlite3_file base;
    faulty_disk *disk;
    disk_file *file;       // NULL for temporary files without a name
    sqlite3_file *real;
} handle;

static faulty_disk *disk_of(sqlite3_vfs *vfs) { return vfs->pAppData; }
static handle *handle_of(sqlite3_file *file) { return (handle *)file; }
static sqlite3_file *real_of(sqlite3_file *file) { return handle_of(file)->real; }

// Counts an operation; the result code of one that must not happen, or SQLITE_OK.
static int begin(faulty_disk *disk, int kind, int dead_code) {
    if (disk->is_cut) return dead_code;
    if (kind != FAULTY_READ && ++disk->operations == disk->cut_at) {
        disk->is_cut = 1;
        return dead_code;
    }
    if (!(disk->kinds & kind)) return SQLITE_OK;
    if (disk->skip > 0) { disk->skip--; return SQLITE_OK; }
    if (disk->count == 0) return SQLITE_OK;
    disk->count--;
    disk->failures++;
    return disk->code;
}

static int64_t used(const faulty_disk *disk) {
    int64_t sum = 0;
    for (int i = 0; i < disk->file_count; i++) sum += disk->files[i].size;
    struct stat status;
    if (disk->beside && stat(disk->beside, &status) == 0) sum += status.st_size;
    return sum;
}

// Remembers what lies at offset ..< offset + size before it changes.
static int remember(handle *file, int64_t offset, int64_t size) {
    if (!file->file) return SQLITE_OK;
    int64_t count = file->file->size - offset;
    if (count < 0) count = 0;
    if (count > size) count = size;
    change *entry = malloc(sizeof(change) + (size_t)count);
    if (!entry) return SQLITE_NOMEM;
    entry->offset = offset;
    entry->old_size = file->file->size;
    entry->count = count;
    if (count > 0) {
        int result = file->real->pMethods->xRead(file->real, entry->old, (int)count, offset);
        if (result != SQLITE_OK) { free(entry); return result; }
    }
    entry->older = file->file->unsynced;
    file->file->unsynced = entry;
    return SQLITE_OK;
}

static void forget(disk_file *file) {
    while (file->unsynced) {
        change *older = file->unsynced->older;
        free(file->unsynced);
        file->unsynced = older;
    }
}

static int write_through(handle *file, const void *bytes, int size, int64_t offset) {
    int result = remember(file, offset, size);
    if (result != SQLITE_OK) return result;
    result = file->real->pMethods->xWrite(file->real, bytes, size, offset);
    if (file->file && offset + size > file->file->size) file->file->size = offset + size;
    return result;
}

// MARK: Methods of a file

static int io_close(sqlite3_file *file) { return real_of(file)->pMethods->xClose(real_of(file)); }

static int io_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset) {
    int result = begin(handle_of(file)->disk, FAULTY_READ, SQLITE_IOERR_READ);
    if (result != SQLITE_OK) return result;
    return real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
}

static int io_write(sqlite3_file *opened, const void *bytes, int size, sqlite3_int64 offset) {
    handle *file = handle_of(opened);
    int was_cut = file->disk->is_cut;
    int result = begin(file->disk, FAULTY_WRITE, SQLITE_IOERR_WRITE);
    if (result == SQLITE_OK && file->disk->capacity && file->file
        && offset + size > file->file->size
        && used(file->disk) + offset + size - file->file->size > file->disk->capacity)
        result = SQLITE_FULL;
    if (result == SQLITE_OK) return write_through(file, bytes, size, offset);
    // A write that fails, or in which the power goes, may have got half-way.
    if (!was_cut && size > 1) write_through(file, bytes, size / 2, offset);
    return result;
}

static int io_truncate(sqlite3_file *opened, sqlite3_int64 size) {
    handle *file = handle_of(opened);
    int result = begin(file->disk, FAULTY_TRUNCATE, SQLITE_IOERR_TRUNCATE);
    if (result != SQLITE_OK) return result;
    if (file->file && size < file->file->size)
        result = remember(file, size, file->file->size - size);
    if (result != SQLITE_OK) return result;
    result = file->real->pMethods->xTruncate(file->real, size);
    if (result == SQLITE_OK && file->file) file->file->size = size;
    return result;
}

static int io_sync(sqlite3_file *opened, int flags) {
    (void)flags;
    handle *file = handle_of(opened);
    int result = begin(file->disk, FAULTY_SYNC, SQLITE_IOERR_FSYNC);
    if (result == SQLITE_OK && file->file) forget(file->file);
    return result;
}

static int io_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int io_lock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int io_unlock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int io_check_lock(sqlite3_file *file, int *result) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
static int io_control(sqlite3_file *file, int operation, void *argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
static int io_sector_size(sqlite3_file *file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int io_characteristics(sqlite3_file *file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
static int io_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}
static int io_map_lock(sqlite3_file *file, int offset, int count, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void io_barrier(sqlite3_file *file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int io_unmap(sqlite3_file *file, int remove) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

// Version 2: shared memory, and no memory-mapped reads that would pass us by.
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = io_close, .xRead = io_read, .xWrite = io_write, .xTruncate = io_truncate,
    .xSync = io_sync, .xFileSize = io_size, .xLock = io_lock, .xUnlock = io_unlock,
    .xCheckReservedLock = io_check_lock, .xFileControl = io_control,
    .xSectorSize = io_sector_size, .xDeviceCharacteristics = io_characteristics,
    .xShmMap = io_map, .xShmLock = io_map_lock, .xShmBarrier = io_barrier, .xShmUnmap = io_unmap,
};

// MARK: Methods of the VFS

static disk_file *find(faulty_disk *disk, const char *path) {
    for (int i = 0; i < disk->file_count; i++)
        if (strcmp(disk->files[i].path, path) == 0) return &disk->files[i];
    if (disk->file_count == files_max) return NULL;
    char *copy = strdup(path);
    if (!copy) return NULL;
    disk_file *file = &disk->files[disk->file_count++];
    *file = (disk_file){.path = copy};
    return file;
}

static int vfs_open(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *opened, int flags, int *out_flags) {
    faulty_disk *disk = disk_of(vfs);
    handle *file = handle_of(opened);
    *file = (handle){.disk = disk, .real = (sqlite3_file *)(file + 1)};
    if (disk->is_cut) return SQLITE_CANTOPEN;
    int result = disk->real->xOpen(disk->real, name, file->real, flags, out_flags);
    if (!file->real->pMethods) return result;
    file->base.pMethods = &methods;
    if (result != SQLITE_OK || !name) return result;
    file->file = find(disk, name);
    if (!file->file) return SQLITE_NOMEM;
    sqlite3_int64 size = 0;
    result = file->real->pMethods->xFileSize(file->real, &size);
    file->file->size = size;
    return result;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    faulty_disk *disk = disk_of(vfs);
    if (disk->is_cut) return SQLITE_IOERR_DELETE;
    disk_file *file = find(disk, name);
    if (file) { forget(file); file->size = 0; }
    return disk->real->xDelete(disk->real, name, sync_folder);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    return disk_of(vfs)->real->xAccess(disk_of(vfs)->real, name, flags, result);
}
static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *path) {
    return disk_of(vfs)->real->xFullPathname(disk_of(vfs)->real, name, size, path);
}
static int vfs_random(sqlite3_vfs *vfs, int size, char *bytes) {
    return disk_of(vfs)->real->xRandomness(disk_of(vfs)->real, size, bytes);
}
static int vfs_sleep(sqlite3_vfs *vfs, int micros) {
    return disk_of(vfs)->real->xSleep(disk_of(vfs)->real, micros);
}
static int vfs_time(sqlite3_vfs *vfs, double *time) {
    return disk_of(vfs)->real->xCurrentTime(disk_of(vfs)->real, time);
}
static int vfs_error(sqlite3_vfs *vfs, int size, char *text) {
    return disk_of(vfs)->real->xGetLastError(disk_of(vfs)->real, size, text);
}

// MARK: Control

faulty_disk *faulty_disk_create(const char *name) {
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    faulty_disk *disk = calloc(1, sizeof(faulty_disk));
    char *copy = strdup(name);
    if (!real || !disk || !copy) { free(disk); free(copy); return NULL; }
    disk->real = real;
    disk->name = copy;
    disk->vfs = (sqlite3_vfs){
        .iVersion = 1, .szOsFile = (int)sizeof(handle) + real->szOsFile,
        .mxPathname = real->mxPathname, .zName = copy, .pAppData = disk, .xOpen = vfs_open,
        .xDelete = vfs_delete, .xAccess = vfs_access, .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random, .xSleep = vfs_sleep, .xCurrentTime = vfs_time,
        .xGetLastError = vfs_error,
    };
    if (sqlite3_vfs_register(&disk->vfs, 0) != SQLITE_OK) { free(copy); free(disk); return NULL; }
    return disk;
}

void faulty_disk_destroy(faulty_disk *disk) {
    sqlite3_vfs_unregister(&disk->vfs);
    for (int i = 0; i < disk->file_count; i++) {
        forget(&disk->files[i]);
        free(disk->files[i].path);
    }
    free(disk->beside);
    free(disk->name);
    free(disk);
}

int64_t faulty_disk_operations(const faulty_disk *disk) { return disk->operations; }
void faulty_disk_cut_at(faulty_disk *disk, int64_t operation) { disk->cut_at = operation; }
void faulty_disk_stop(faulty_disk *disk, int is_stopped) {
    disk->is_cut = is_stopped;
    disk->cut_at = 0;
}
int faulty_disk_is_cut(const faulty_disk *disk) { return disk->is_cut; }
int64_t faulty_disk_failures(const faulty_disk *disk) { return disk->failures; }

void faulty_disk_fail(faulty_disk *disk, int kinds, int64_t skip, int64_t count, int code) {
    disk->kinds = kinds;
    disk->skip = skip;
    disk->count = count;
    disk->code = code;
}

void faulty_disk_capacity(faulty_disk *disk, int64_t bytes, const char *beside) {
    disk->capacity = bytes;
    free(disk->beside);
    disk->beside = beside ? strdup(beside) : NULL;
}

static uint64_t next_random(uint64_t *state) {
    // Marsaglia 2003, "Xorshift RNGs": 64 bits, the triple 13, 7, 17.
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int lose_file(disk_file *file, uint64_t *random) {
    if (!file->unsynced) return 0;
    int descriptor = open(file->path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return errno == ENOENT ? 0 : errno;
    int64_t old_size = file->size, size_max = file->size;
    for (change *entry = file->unsynced; entry; entry = entry->older) {
        old_size = entry->old_size;
        if (old_size > size_max) size_max = old_size;
    }
    unsigned char *now = calloc(1, (size_t)size_max + 1);
    unsigned char *old = calloc(1, (size_t)size_max + 1);
    int result = now && old ? 0 : ENOMEM;
    if (!result && pread(descriptor, now, (size_t)file->size, 0) != file->size) result = EIO;
    if (!result) {
        memcpy(old, now, (size_t)size_max);
        for (change *entry = file->unsynced; entry; entry = entry->older)
            memcpy(old + entry->offset, entry->old, (size_t)entry->count);
        int64_t size = *random && next_random(random) & 1 ? file->size : old_size;
        for (int64_t at = 0; at < size; at += sector_size) {
            int64_t count = size - at < sector_size ? size - at : sector_size;
            if (memcmp(now + at, old + at, (size_t)count) == 0) continue;
            if (*random && next_random(random) & 1) continue;
            memcpy(now + at, old + at, (size_t)count);
            // What never was in the file before reads as zeros.
            if (at + count > old_size) {
                int64_t from = old_size > at ? old_size - at : 0;
                memset(now + at + from, 0, (size_t)(count - from));
            }
        }
        if (ftruncate(descriptor, size) != 0) result = errno;
        if (!result && pwrite(descriptor, now, (size_t)size, 0) != size) result = EIO;
        file->size = size;
    }
    free(now);
    free(old);
    close(descriptor);
    forget(file);
    return result;
}

int faulty_disk_lose(faulty_disk *disk, uint64_t seed) {
    uint64_t random = seed;
    for (int i = 0; i < disk->file_count; i++) {
        int result = lose_file(&disk->files[i], &random);
        if (result) return result;
    }
    return 0;
}
