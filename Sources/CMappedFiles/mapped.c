// Catches reads of mapped files beyond an end that moved. The handler does only what POSIX allows in
// one: it formats by hand and calls write and _exit.
#define _GNU_SOURCE
#include "CMappedFiles.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

// A process has one or two files of weights open. `cm_watch` refuses more than there is room for.
enum { PLACES = 64, PATH_BYTES = 4096 };

struct place {
  // Zero: free. Set last, cleared first, so that the handler sees whole entries only.
  _Atomic uintptr_t start;
  size_t count;
  char path[PATH_BYTES];
};

static struct place places[PLACES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static bool installed;

static void put(const char *text, size_t count) {
  while (count > 0) {
    const ssize_t done = write(STDERR_FILENO, text, count);
    if (done <= 0) return;
    text += done;
    count -= (size_t)done;
  }
}

static void put_number(size_t value) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  put(digits + at, sizeof digits - at);
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  (void)context;
  const uintptr_t address = (uintptr_t)info->si_addr;
  for (size_t i = 0; i < PLACES; ++i) {
    const uintptr_t start = atomic_load(&places[i].start);
    if (!start || address < start || address - start >= places[i].count) continue;
    static const char found[] =
        ": expected a file that keeps its bytes while it is read, found it cut short by another "
        "program; wait until that is done, then try again\n";
    // What was printed last may be the beginning of a line: "Loading weights from".
    put("\n", 1);
    put(places[i].path, strlen(places[i].path));
    put(": byte ", 7);
    put_number(address - start);
    put(found, sizeof found - 1);
    _exit(4);
  }
  // Not ours: the read is repeated on return, and ends as it would have without us.
  sigaction(number, &before, NULL);
}

int cm_watch(const void *start, size_t count, const char *path) {
  if (!start || strlen(path) >= PATH_BYTES) return -1;
  int number = -1;
  pthread_mutex_lock(&mutex);
  if (!installed) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    installed = sigaction(SIGBUS, &action, &before) == 0;
  }
  for (int i = 0; installed && i < PLACES; ++i) {
    if (atomic_load(&places[i].start)) continue;
    places[i].count = count;
    memcpy(places[i].path, path, strlen(path) + 1);
    atomic_store(&places[i].start, (uintptr_t)start);
    number = i;
    break;
  }
  pthread_mutex_unlock(&mutex);
  return number;
}

void cm_forget(int number) {
  if (number >= 0 && number < PLACES) atomic_store(&places[number].start, 0);
}

void cm_touch(const void *start, size_t count) {
  const size_t page = 4096;
  const volatile char *p = start;
  for (size_t i = 0; i < count; i += page - ((uintptr_t)(p + i) & (page - 1))) (void)p[i];
}
