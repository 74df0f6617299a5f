// Mapped files that another program cuts while they are read. The system answers a read beyond the
// file's new end with SIGBUS, which is not an error that Swift could catch.
#ifndef CMAPPEDFILES_H
#define CMAPPEDFILES_H

#include <stdbool.h>
#include <stddef.h>

/// Watches `count` bytes from `start` on, where `path` is mapped: a read that the system refuses
/// ends the process with a line that names the file and the byte, and exit code 4 (input or output
/// failed), instead of SIGBUS. Signals for other memory go where they went before.
///
/// Returns the number by which `cm_forget` knows the file; -1 if all places are taken, and the file
/// is then to be read, not mapped. `path` is copied. Thread-safe.
int cm_watch(const void *start, size_t count, const char *path);

/// Ends a watch: before the memory is given back.
void cm_forget(int number);

/// Reads a byte of every page from `start` on, so that a refused read is met here. For memory that
/// a system call found unreadable.
void cm_touch(const void *start, size_t count);

#endif
