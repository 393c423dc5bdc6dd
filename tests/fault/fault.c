/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded (ld.so(8), LD_PRELOAD): every nth write to a regular file, sync or allocation of the
 * program fails, or the nth alone, as the struct below says, which lies in the file that
 * NSTATS_FAULT names and may be changed while the program runs. Writes are what sqlite makes:
 * pwrite(2) and fallocate(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As tests/e2e/lib/fault.py packs it. every: 0 is never, 1 is each. at: 0 is none, 1 the first. */
struct call {
	_Atomic uint32_t every;
	_Atomic uint32_t at;
	_Atomic uint32_t calls;
	_Atomic uint32_t failed;
};

static struct fault {
	struct call write;
	struct call sync;
	struct call alloc;
	struct call own; /* allocations by the program's own code, not its libraries': some of these
			    do not survive it */
	_Atomic uint32_t code; /* errno of writes and syncs */
	_Atomic uint32_t kept; /* allocations by the program's own code that are not freed */
} * fault;

/* Whose they are, by their address: what a library frees may be ours. */
#define BUCKET_BITS 15
#define BUCKET_LEN  16

static uintptr_t buckets[1 << BUCKET_BITS][BUCKET_LEN];
static atomic_flag is_busy = ATOMIC_FLAG_INIT;

/* The program's own segments in memory. */
static uintptr_t own_begin;
static uintptr_t own_end;

/* dl_iterate_phdr(3): the first is the program. */
static int program_found(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end =
			info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > own_end)
			own_end = end;
	}
	own_begin = info->dlpi_addr;
	return 1;
}

__attribute__((constructor)) static void set_up(void)
{
	const char *path = getenv("NSTATS_FAULT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *memory;

	if (fd < 0)
		return;
	dl_iterate_phdr(program_found, NULL);
	memory = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory != MAP_FAILED)
		fault = memory;
}

static int is_due(struct call *call)
{
	uint32_t every = call->every;
	uint32_t n = ++call->calls;

	if (n != call->at && (every == 0 || n % every != 0))
		return 0;
	call->failed++;
	return 1;
}

static int is_write_due(void)
{
	if (!fault || !is_due(&fault->write))
		return 0;
	errno = (int)fault->code;
	return 1;
}

static int is_sync_due(void)
{
	if (!fault || !is_due(&fault->sync))
		return 0;
	errno = (int)fault->code;
	return 1;
}

static int is_own(const void *caller)
{
	return (uintptr_t)caller >= own_begin && (uintptr_t)caller < own_end;
}

/* In the bucket of `data` puts one value in another's place. 0: the other is not there. */
static int replace(const void *data, uintptr_t former, uintptr_t value)
{
	uint64_t hash = (uint64_t)(uintptr_t)data * UINT64_C(0x9e3779b97f4a7c15);
	uintptr_t *slots = buckets[hash >> (64 - BUCKET_BITS)];
	int i = 0;

	while (atomic_flag_test_and_set(&is_busy))
		;
	while (i < BUCKET_LEN && slots[i] != former)
		i++;
	if (i < BUCKET_LEN)
		slots[i] = value;
	atomic_flag_clear(&is_busy);
	return i < BUCKET_LEN;
}

static void *note(void *data, const void *caller)
{
	if (fault && data && is_own(caller) && replace(data, 0, (uintptr_t)data))
		fault->kept++;
	return data;
}

static void forget(const void *data)
{
	if (fault && data && replace(data, (uintptr_t)data, 0))
		fault->kept--;
}

static int is_alloc_due(const void *caller)
{
	if (!fault || is_due(&fault->alloc) + (is_own(caller) && is_due(&fault->own)) == 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return is_write_due() ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	return is_write_due() ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	return is_write_due() || syscall(SYS_fallocate, fd, 0, at, len) < 0 ? errno : 0;
}

int fsync(int fd)
{
	return is_sync_due() ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return is_sync_due() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* glibc's own, under the names that it exports for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *data);

void *malloc(size_t size)
{
	const void *caller = __builtin_return_address(0);

	return is_alloc_due(caller) ? NULL : note(__libc_malloc(size), caller);
}

void *calloc(size_t n, size_t size)
{
	const void *caller = __builtin_return_address(0);

	return is_alloc_due(caller) ? NULL : note(__libc_calloc(n, size), caller);
}

void *realloc(void *old, size_t size)
{
	const void *caller = __builtin_return_address(0);
	void *data;

	if (is_alloc_due(caller))
		return NULL;
	forget(old);
	data = __libc_realloc(old, size);
	note(data ? data : old, caller);
	return data;
}

void free(void *data)
{
	forget(data);
	__libc_free(data);
}
