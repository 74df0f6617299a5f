#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "CImageCodecs.h"
#include "failure.h"

typedef struct {
  struct jpeg_compress_struct codec;
  struct jpeg_error_mgr errors;
  jmp_buf escape;
  CImageFailure *failure;
  unsigned char *bytes;
  unsigned long count;
} Writer;

static void on_error(j_common_ptr codec) {
  Writer *writer = codec->client_data;
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  const bool memory = codec->err->msg_code == JERR_OUT_OF_MEMORY;
  cimage_fail(
    writer->failure, memory ? CIMAGE_OUT_OF_MEMORY : CIMAGE_UNSUPPORTED, "%s", text);
  longjmp(writer->escape, 1);
}

static void on_message(j_common_ptr codec, int level) { (void)codec, (void)level; }
static void on_output(j_common_ptr codec) { (void)codec; }

bool cimage_jpeg_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality,
    uint8_t **bytes, size_t *count, CImageFailure *failure) {
  // On the heap, so that what longjmp finds is what was written last.
  Writer *writer = calloc(1, sizeof *writer);
  if (!writer) {
    cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for the encoder");
    return false;
  }
  writer->failure = failure;
  j_compress_ptr codec = &writer->codec;
  codec->err = jpeg_std_error(&writer->errors);
  codec->client_data = writer;
  writer->errors.error_exit = on_error;
  writer->errors.emit_message = on_message;
  writer->errors.output_message = on_output;
  if (setjmp(writer->escape)) {
    jpeg_destroy_compress(&writer->codec);
    free(writer->bytes);
    free(writer);
    return false;
  }
  jpeg_create_compress(codec);
  jpeg_mem_dest(codec, &writer->bytes, &writer->count);
  codec->image_width = width;
  codec->image_height = height;
  codec->input_components = channels;
  codec->in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(codec);
  jpeg_set_quality(codec, quality, TRUE);
  // Full resolution for colours, too: thin coloured lines would fade otherwise.
  for (int i = 0; i < codec->num_components; i++) {
    codec->comp_info[i].h_samp_factor = codec->comp_info[i].v_samp_factor = 1;
  }
  jpeg_start_compress(codec, TRUE);
  const size_t stride = (size_t)width * (size_t)channels;
  while (codec->next_scanline < height) {
    // The library takes rows it may write to, and does not write to them.
    JSAMPROW row = (JSAMPROW)(pixels + stride * codec->next_scanline);
    jpeg_write_scanlines(codec, &row, 1);
  }
  jpeg_finish_compress(codec);
  *bytes = writer->bytes;
  *count = writer->count;
  jpeg_destroy_compress(codec);
  free(writer);
  return true;
}
