/* Preloaded into a process: counts the calls that change files below one folder, strikes at one of them, and
 * writes down what each of them did. Calls go to the kernel directly, so that nothing here calls itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define FICLONE_REQUEST 0x40049409

/* The same numbers stand in shim.py. */
enum op { MARK, OPEN, WRITE, SYNC, RENAME, LINK, UNLINK, TRUNCATE, MKDIR, RMDIR, TOUCH, CHMOD, SYMLINK };
enum mode { COUNT, BEFORE, AFTER, HALF, FAIL, SHORT };

static struct {
    int armed;
    char root[PATH_MAX];
    size_t root_length;
    long at, count;
    int mode, error, lasting, log;
} plan = {.log = -1};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

struct record {
    int32_t op, created;
    int64_t offset, size;
    uint32_t first, second, data;
} __attribute__((packed));

EXPORT void strike_arm(const char *root, long at, int mode, int error, int lasting, const char *log) {
    snprintf(plan.root, sizeof plan.root, "%s", root);
    plan.root_length = strlen(plan.root);
    plan.at = at;
    plan.mode = mode;
    plan.error = error;
    plan.lasting = lasting;
    plan.count = 0;
    plan.log = *log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    plan.armed = 1;
}

EXPORT long strike_disarm(void) {
    plan.armed = 0;
    if (plan.log >= 0) syscall(SYS_close, plan.log);
    plan.log = -1;
    return plan.count;
}

static void put_all(int fd, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length) {
        long n = syscall(SYS_write, fd, at, length);
        if (n <= 0) abort();
        at += n;
        length -= (size_t)n;
    }
}

static void note(enum op op, int created, off_t offset, off_t size, const char *first, const char *second,
                 const void *data, size_t length) {
    if (plan.log < 0) return;
    struct record head = {op, created, offset, size, (uint32_t)strlen(first), (uint32_t)strlen(second), (uint32_t)length};
    put_all(plan.log, &head, sizeof head);
    put_all(plan.log, first, head.first);
    put_all(plan.log, second, head.second);
    put_all(plan.log, data, length);
}

EXPORT void strike_mark(const char *text) {
    if (plan.armed) note(MARK, 0, 0, 0, text, "", "", 0);
}

static int below(const char *path) {
    return !strncmp(path, plan.root, plan.root_length) &&
           (path[plan.root_length] == '/' || path[plan.root_length] == 0);
}

static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    return n > 0;
}

static void absolute(int folder, const char *path, char *out) {
    if (*path == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return;
    }
    char base[PATH_MAX] = "";
    if (folder == AT_FDCWD)
        syscall(SYS_getcwd, base, sizeof base);
    else
        path_of(folder, base);
    if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) abort();
}

static int is_ours_fd(int fd, char *path) { return plan.armed && path_of(fd, path) && below(path); }

static int is_ours(int folder, const char *path, char *out) {
    if (!plan.armed || !path) return 0;
    absolute(folder, path, out);
    return below(out);
}

static int exists(const char *path) {
    struct stat status;
    return !lstat(path, &status);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* A full disk goes on refusing what needs room, and lets the rest through. */
static int needs_room(enum op op) { return op == OPEN || op == WRITE || op == MKDIR || op == LINK || op == SYMLINK; }

static int refuses(enum op op) {
    if (plan.mode != FAIL || plan.count < plan.at) return 0;
    if (plan.count == plan.at) return 1;
    if (!plan.lasting) return 0;
    return plan.error == ENOSPC || plan.error == EDQUOT ? needs_room(op) : 1;
}

/* What becomes of the call that is about to be made: pass, or COUNT's opposite. */
static enum mode judged(enum op op) {
    plan.count++;
    if (refuses(op)) {
        errno = plan.error;
        return FAIL;
    }
    if (plan.count != plan.at || plan.mode == FAIL) return COUNT;
    if (plan.mode == BEFORE || (plan.mode == HALF && op != WRITE)) die();
    return plan.mode;
}

/* Wraps one call: `call` gives its result, `written` notes what it did. */
#define STRUCK(op_of_call, call, written)                                 \
    enum op op = op_of_call;                                        \
    pthread_mutex_lock(&turn);                                      \
    enum mode fate = judged(op);                                    \
    if (fate == FAIL) {                                             \
        pthread_mutex_unlock(&turn);                                \
        return -1;                                                  \
    }                                                               \
    long result = (call);                                           \
    int saved = errno;                                              \
    if (fate == AFTER) die();                                       \
    if (result >= 0) {                                              \
        written;                                                    \
    } else {                                                        \
        note(op, -1, 0, 0, "", "", "", 0);                       \
    }                                                               \
    pthread_mutex_unlock(&turn);                                    \
    errno = saved;                                                  \
    return result

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !is_ours(folder, path, full))
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    int created = !exists(full);
    STRUCK(OPEN, syscall(SYS_openat, folder, path, flags, mode),
           note(OPEN, created ? 1 : flags & O_TRUNC ? 2 : 0, 0, 0, full, "", "", 0));
}

#define MODE_ARGUMENT(flags)                    \
    mode_t mode = 0;                            \
    if ((flags) & (O_CREAT | O_TMPFILE)) {      \
        va_list rest;                           \
        va_start(rest, flags);                  \
        mode = (mode_t)va_arg(rest, int);       \
        va_end(rest);                           \
    }

EXPORT int open(const char *path, int flags, ...) { MODE_ARGUMENT(flags) return open_at(AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE_ARGUMENT(flags) return open_at(AT_FDCWD, path, flags, mode); }
EXPORT int openat(int folder, const char *path, int flags, ...) { MODE_ARGUMENT(flags) return open_at(folder, path, flags, mode); }
EXPORT int openat64(int folder, const char *path, int flags, ...) { MODE_ARGUMENT(flags) return open_at(folder, path, flags, mode); }
EXPORT int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
EXPORT int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* What lies in the file where a call put it: for calls that never show their bytes. */
static void note_from_file(int fd, off_t offset, long length, const char *path) {
    if (plan.log < 0) return;
    if (length < 0) {
        note(WRITE, -1, 0, 0, path, "", "", 0);
        return;
    }
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    char *bytes = malloc((size_t)length + 1);
    if (again < 0 || !bytes || syscall(SYS_pread64, again, bytes, length, offset) != length) abort();
    note(WRITE, 0, offset, 0, path, "", bytes, (size_t)length);
    free(bytes);
    syscall(SYS_close, again);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset, const char *path) {
    struct stat status;
    fstat(fd, &status);
    int flags = (int)syscall(SYS_fcntl, fd, F_GETFL, 0);
    off_t at = offset >= 0 ? offset : flags & O_APPEND ? status.st_size : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    pthread_mutex_lock(&turn);
    enum mode fate = judged(WRITE);
    if (fate == FAIL) {
        pthread_mutex_unlock(&turn);
        return -1;
    }
    if (fate == HALF || (fate == SHORT && length > 1)) length /= 2;
    long result = offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, length, offset) : syscall(SYS_write, fd, bytes, length);
    int saved = errno;
    if (fate == AFTER || fate == HALF) die();
    note(WRITE, result < 0 ? -1 : 0, at, 0, path, "", bytes, result > 0 ? (size_t)result : 0);
    pthread_mutex_unlock(&turn);
    errno = saved;
    return result;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length) {
    char path[PATH_MAX];
    return is_ours_fd(fd, path) ? write_at(fd, bytes, length, -1, path) : syscall(SYS_write, fd, bytes, length);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    char path[PATH_MAX];
    return is_ours_fd(fd, path) ? write_at(fd, bytes, length, offset, path)
                                : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return pwrite(fd, bytes, length, offset); }

static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset, const char *path) {
    size_t length = 0, done = 0;
    for (int n = 0; n < count; n++) length += parts[n].iov_len;
    char *bytes = malloc(length ? length : 1);
    if (!bytes) abort();
    for (int n = 0; n < count; done += parts[n++].iov_len) memcpy(bytes + done, parts[n].iov_base, parts[n].iov_len);
    ssize_t result = write_at(fd, bytes, length, offset, path);
    free(bytes);
    return result;
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    return is_ours_fd(fd, path) ? write_parts(fd, parts, count, -1, path) : syscall(SYS_writev, fd, parts, count);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    char path[PATH_MAX];
    return is_ours_fd(fd, path) ? write_parts(fd, parts, count, offset, path)
                                : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return pwritev(fd, parts, count, offset); }

static ssize_t copy_in(int out, int in, off_t *from, size_t length, int by_range, off_t *to, unsigned flags) {
    char path[PATH_MAX];
    int ours = is_ours_fd(out, path);
    if (!ours && by_range) return syscall(SYS_copy_file_range, in, from, out, to, length, flags);
    if (!ours) return syscall(SYS_sendfile, out, in, from, length);
    off_t at = to ? *to : (off_t)syscall(SYS_lseek, out, 0, SEEK_CUR);
    pthread_mutex_lock(&turn);
    enum mode fate = judged(WRITE);
    if (fate == FAIL) {
        pthread_mutex_unlock(&turn);
        return -1;
    }
    if (length > (1 << 24)) length = 1 << 24;
    if (fate == HALF || fate == SHORT) length = length / 2 + 1;
    long result = by_range ? syscall(SYS_copy_file_range, in, from, out, to, length, flags)
                           : syscall(SYS_sendfile, out, in, from, length);
    int saved = errno;
    if (fate == AFTER || fate == HALF) die();
    note_from_file(out, at, result, path);
    pthread_mutex_unlock(&turn);
    errno = saved;
    return result;
}

EXPORT ssize_t sendfile(int out, int in, off_t *from, size_t length) { return copy_in(out, in, from, length, 0, NULL, 0); }
EXPORT ssize_t sendfile64(int out, int in, off64_t *from, size_t length) { return copy_in(out, in, from, length, 0, NULL, 0); }
EXPORT ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags) {
    return copy_in(out, in, from, length, 1, to, flags);
}

/* The page cache outlives a killed process, and a power cut is replayed from the notes: nothing waits for a disk. */
static int sync_fd(int fd, int call) {
    char path[PATH_MAX];
    if (!is_ours_fd(fd, path)) return (int)syscall(call, fd);
    struct stat status;
    fstat(fd, &status);
    STRUCK(SYNC, 0, note(SYNC, S_ISDIR(status.st_mode), 0, 0, path, "", "", 0));
}

EXPORT int fsync(int fd) { return sync_fd(fd, SYS_fsync); }
EXPORT int fdatasync(int fd) { return sync_fd(fd, SYS_fdatasync); }

static int truncate_fd(int fd, off_t length) {
    char path[PATH_MAX];
    if (!is_ours_fd(fd, path)) return (int)syscall(SYS_ftruncate, fd, length);
    STRUCK(TRUNCATE, syscall(SYS_ftruncate, fd, length), note(TRUNCATE, 0, 0, length, path, "", "", 0));
}

EXPORT int ftruncate(int fd, off_t length) { return truncate_fd(fd, length); }
EXPORT int ftruncate64(int fd, off64_t length) { return truncate_fd(fd, length); }

EXPORT int truncate(const char *path, off_t length) {
    char full[PATH_MAX];
    if (!is_ours(AT_FDCWD, path, full)) return (int)syscall(SYS_truncate, path, length);
    STRUCK(TRUNCATE, syscall(SYS_truncate, path, length),
           note(TRUNCATE, 0, 0, length, full, "", "", 0));
}

EXPORT int truncate64(const char *path, off64_t length) { return truncate(path, length); }

static int rename_at(int from, const char *old, int to, const char *new, unsigned flags) {
    char first[PATH_MAX], second[PATH_MAX];
    int ours = is_ours(from, old, first);
    if (!(is_ours(to, new, second) || ours)) return (int)syscall(SYS_renameat2, from, old, to, new, flags);
    STRUCK(RENAME, syscall(SYS_renameat2, from, old, to, new, flags),
           note(RENAME, 0, 0, 0, first, second, "", 0));
}

EXPORT int rename(const char *old, const char *new) { return rename_at(AT_FDCWD, old, AT_FDCWD, new, 0); }
EXPORT int renameat(int from, const char *old, int to, const char *new) { return rename_at(from, old, to, new, 0); }
EXPORT int renameat2(int from, const char *old, int to, const char *new, unsigned flags) { return rename_at(from, old, to, new, flags); }

EXPORT int linkat(int from, const char *old, int to, const char *new, int flags) {
    char first[PATH_MAX], second[PATH_MAX];
    if (!is_ours(to, new, second)) return (int)syscall(SYS_linkat, from, old, to, new, flags);
    absolute(from, old, first);
    STRUCK(LINK, syscall(SYS_linkat, from, old, to, new, flags),
           note(LINK, 0, 0, 0, first, second, "", 0));
}

EXPORT int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

EXPORT int symlinkat(const char *target, int folder, const char *path) {
    char full[PATH_MAX];
    if (!is_ours(folder, path, full)) return (int)syscall(SYS_symlinkat, target, folder, path);
    STRUCK(SYMLINK, syscall(SYS_symlinkat, target, folder, path),
           note(SYMLINK, 0, 0, 0, full, target, "", 0));
}

EXPORT int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

EXPORT int unlinkat(int folder, const char *path, int flags) {
    char full[PATH_MAX];
    if (!is_ours(folder, path, full)) return (int)syscall(SYS_unlinkat, folder, path, flags);
    STRUCK(flags & AT_REMOVEDIR ? RMDIR : UNLINK, syscall(SYS_unlinkat, folder, path, flags),
           note(op, 0, 0, 0, full, "", "", 0));
}

EXPORT int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
EXPORT int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

EXPORT int mkdirat(int folder, const char *path, mode_t mode) {
    char full[PATH_MAX];
    if (!is_ours(folder, path, full)) return (int)syscall(SYS_mkdirat, folder, path, mode);
    STRUCK(MKDIR, syscall(SYS_mkdirat, folder, path, mode), note(MKDIR, 0, 0, 0, full, "", "", 0));
}

EXPORT int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

EXPORT int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    char full[PATH_MAX];
    if (!is_ours(folder, path, full)) return (int)syscall(SYS_utimensat, folder, path, times, flags);
    STRUCK(TOUCH, syscall(SYS_utimensat, folder, path, times, flags), note(TOUCH, 0, 0, 0, full, "", "", 0));
}

EXPORT int futimens(int fd, const struct timespec times[2]) {
    char path[PATH_MAX];
    if (!is_ours_fd(fd, path)) return (int)syscall(SYS_utimensat, fd, NULL, times, 0);
    STRUCK(TOUCH, syscall(SYS_utimensat, fd, NULL, times, 0), note(TOUCH, 0, 0, 0, path, "", "", 0));
}

EXPORT int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    char full[PATH_MAX];
    if (flags || !is_ours(folder, path, full)) return (int)syscall(SYS_fchmodat, folder, path, mode);
    STRUCK(CHMOD, syscall(SYS_fchmodat, folder, path, mode), note(CHMOD, 0, 0, mode, full, "", "", 0));
}

EXPORT int chmod(const char *path, mode_t mode) { return fchmodat(AT_FDCWD, path, mode, 0); }

EXPORT int fchmod(int fd, mode_t mode) {
    char path[PATH_MAX];
    if (!is_ours_fd(fd, path)) return (int)syscall(SYS_fchmod, fd, mode);
    STRUCK(CHMOD, syscall(SYS_fchmod, fd, mode), note(CHMOD, 0, 0, mode, path, "", "", 0));
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    char path[PATH_MAX];
    if (request != FICLONE_REQUEST || !is_ours_fd(fd, path)) return (int)syscall(SYS_ioctl, fd, request, argument);
    struct stat status;
    STRUCK(WRITE, syscall(SYS_ioctl, fd, request, argument),
           fstat(fd, &status); note_from_file(fd, 0, status.st_size, path));
}
