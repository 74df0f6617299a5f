#pragma once

#include <stdarg.h>

#include "CImageCodecs.h"

// Notes the first thing that went wrong; what follows from it is no news.
void cimage_fail(CImageFailure *failure, CImageFailureKind kind, const char *format, ...)
  __attribute__((format(printf, 3, 4)));
