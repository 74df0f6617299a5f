#pragma once

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "CImageCodecs.h"

struct CJPEGReader {
  struct jpeg_decompress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  CImageFailure *failure;
  bool created, past_end, as_darknet;
  // What is allocated while reading, here so that `cimage_jpeg_close` finds it after a longjmp.
  uint8_t *cmyk_row, *samples;
};

// Whether `cimage_darknet_read` can read the picture, whose header is read.
bool cimage_darknet_fits(const struct jpeg_decompress_struct *codec);

// Bytes that it needs beside the pixels.
uint64_t cimage_darknet_workspace(const struct jpeg_decompress_struct *codec);

// Fills `pixels`. Errors of libjpeg leave by its error handler; false if memory lacks.
bool cimage_darknet_read(CJPEGReader *reader, uint8_t *pixels, int channels);
