#pragma once

// JPEG and PNG in memory, over libjpeg and libpng.
//
// Both libraries report an error by longjmp, which must not cross Swift frames: every function
// here catches it and returns. Nothing is printed; the library's own words go to the failure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  CIMAGE_CORRUPT = 1,   // the bytes break the rules of the format
  CIMAGE_TRUNCATED,     // the bytes end before the picture does
  CIMAGE_UNSUPPORTED,   // a legal picture that the library cannot read
  CIMAGE_OUT_OF_MEMORY,
} CImageFailureKind;

typedef struct {
  CImageFailureKind kind;
  char text[224];  // UTF-8, never empty after a failure
} CImageFailure;

typedef struct {
  uint32_t width, height;
  // Channels that the rows will have: 1 or 3.
  uint32_t channels;
  // Bytes that the library itself will hold while it decodes, beyond a few rows.
  uint64_t workspace;
} CImageHeader;

typedef struct CJPEGReader CJPEGReader;
typedef struct CPNGReader CPNGReader;

// Reads the header of the picture in `bytes`, which must stay where they are until the reader is
// closed. `channels`: 1 grey, 3 RGB, 0 as the file has it. `as_darknet`: with the roundings of
// Darknet's decoder, where the file is of a kind that it reads. NULL on failure.
CJPEGReader *cimage_jpeg_open(
  const uint8_t *bytes, size_t count, int channels, bool as_darknet, CImageHeader *header,
  CImageFailure *failure);

// Fills `pixels`, height * width * channels bytes, interleaved, top row first.
bool cimage_jpeg_read(CJPEGReader *reader, uint8_t *pixels, CImageFailure *failure);

void cimage_jpeg_close(CJPEGReader *reader);

// The same for PNG, except that grey from a colour picture is left to the caller: `channels` 1
// gives 3 if the file has colours. 16 bits are cut to their upper 8, alpha is dropped.
CPNGReader *cimage_png_open(
  const uint8_t *bytes, size_t count, int channels, CImageHeader *header, CImageFailure *failure);
bool cimage_png_read(CPNGReader *reader, uint8_t *pixels, CImageFailure *failure);
void cimage_png_close(CPNGReader *reader);

// Encoders: interleaved `pixels` of 1 or 3 channels to `*bytes`, which the caller gives to
// cimage_free. False, with nothing to free, on failure.
bool cimage_jpeg_encode(
  const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality,
  uint8_t **bytes, size_t *count, CImageFailure *failure);
bool cimage_png_encode(
  const uint8_t *pixels, uint32_t width, uint32_t height, int channels,
  uint8_t **bytes, size_t *count, CImageFailure *failure);
void cimage_free(uint8_t *bytes);
