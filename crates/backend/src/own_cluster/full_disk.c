/* Loaded into PostgreSQL by tests of a full disk where none can be mounted: as long as the file that
   FULL_DISK names is there, no file may grow. What has its place on the disk may be written over. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_refused(int fd, off_t end) {
    int before = errno;
    const char *full = getenv("FULL_DISK");
    struct stat file;
    int refused = full && access(full, F_OK) == 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
                  end > file.st_size;
    errno = before;
    return refused;
}

static off_t here(int fd) {
    int before = errno;
    off_t at = lseek(fd, 0, SEEK_CUR);
    errno = before;
    return at < 0 ? 0 : at;
}

static off_t length(const struct iovec *parts, int count) {
    off_t sum = 0;
    for (int at = 0; at < count; at++) sum += (off_t)parts[at].iov_len;
    return sum;
}

#define REFUSE_IF_FULL(fd, end)  \
    if (is_refused(fd, end)) {   \
        errno = ENOSPC;          \
        return -1;               \
    }

ssize_t write(int fd, const void *from, size_t count) {
    REFUSE_IF_FULL(fd, here(fd) + (off_t)count)
    return REAL(write)(fd, from, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REFUSE_IF_FULL(fd, here(fd) + length(parts, count))
    return REAL(writev)(fd, parts, count);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
    REFUSE_IF_FULL(fd, at + (off_t)count)
    return REAL(pwrite)(fd, from, count, at);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
    REFUSE_IF_FULL(fd, at + (off_t)count)
    return REAL(pwrite64)(fd, from, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REFUSE_IF_FULL(fd, at + length(parts, count))
    return REAL(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    REFUSE_IF_FULL(fd, at + length(parts, count))
    return REAL(pwritev64)(fd, parts, count, at);
}

int posix_fallocate(int fd, off_t at, off_t count) {
    return is_refused(fd, at + count) ? ENOSPC : REAL(posix_fallocate)(fd, at, count);
}

int posix_fallocate64(int fd, off64_t at, off64_t count) {
    return is_refused(fd, at + count) ? ENOSPC : REAL(posix_fallocate64)(fd, at, count);
}

int ftruncate(int fd, off_t size) {
    REFUSE_IF_FULL(fd, size)
    return REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    REFUSE_IF_FULL(fd, size)
    return REAL(ftruncate64)(fd, size);
}
