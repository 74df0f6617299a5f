#include "failure.h"

#include <stdio.h>
#include <stdlib.h>

void cimage_fail(CImageFailure *failure, CImageFailureKind kind, const char *format, ...) {
  if (failure->kind != 0) return;
  failure->kind = kind;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure->text, sizeof failure->text, format, arguments);
  va_end(arguments);
}

void cimage_free(uint8_t *bytes) { free(bytes); }
