/* fsync and fdatasync that fail as a disk does: LD_PRELOAD of a test.
 *
 * FAIL_ON is a part of a file's path, FAIL_WHILE a file: as long as it is there, each call for such a file fails with EIO.
 * With FAIL_ONCE the failing call removes it, as the kernel forgets what it could not write. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int descriptor)
{
	char link[64], path[4096];
	const char *on = getenv("FAIL_ON"), *flag = getenv("FAIL_WHILE");
	if (!on || !flag || access(flag, F_OK) != 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	size_t tail = strlen(on);
	if ((size_t)length < tail || strcmp(path + length - tail, on) != 0)
		return 0;
	if (getenv("FAIL_ONCE"))
		unlink(flag);
	errno = EIO;
	return 1;
}

int fsync(int descriptor)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	return fails(descriptor) ? -1 : real(descriptor);
}

int fdatasync(int descriptor)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	return fails(descriptor) ? -1 : real(descriptor);
}
