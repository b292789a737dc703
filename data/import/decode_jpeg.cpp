#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs what cstdio declares, and jerror.h what jpeglib.h defines.
#include <jpeglib.h>
//
#include <jerror.h>

#include "data/import/exif_orientation.h"
#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

// libjpeg reports errors by a function that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg hands this address back
  std::jmp_buf escape;
  std::array<char, JMSG_LENGTH_MAX> message;
  bool no_end_marker;
};

JpegErrors& errors_of(j_common_ptr decoder) { return *reinterpret_cast<JpegErrors*>(decoder->err); }

[[noreturn]] void escape_jpeg(j_common_ptr decoder) {
  decoder->err->format_message(decoder, errors_of(decoder).message.data());
  std::longjmp(errors_of(decoder).escape, 1);
}

// Of all that libjpeg only warns of, this is where it makes up pixels.
bool makes_up_pixels(int warning) {
  return warning == JWRN_HIT_MARKER || warning == JWRN_HUFF_BAD_CODE || warning == JWRN_ARITH_BAD_CODE ||
         warning == JWRN_MUST_RESYNC;
}

void take_message(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  if (makes_up_pixels(decoder->err->msg_code)) escape_jpeg(decoder);
  if (decoder->err->msg_code == JWRN_JPEG_EOF) errors_of(decoder).no_end_marker = true;
}

// The header of a file and, if `pixels` is given, its pixels. Plain data only: a longjmp runs no destructor.
struct JpegTarget {
  unsigned width = 0, height = 0;
  int channels = 3;
  int orientation = 1;
  std::uint8_t* pixels = nullptr;  // [height][width][channels] has room
};

void read_header(jpeg_decompress_struct& decoder, JpegTarget& target) {
  jpeg_save_markers(&decoder, JPEG_APP0 + 1, 0xFFFF);  // where Exif is
  jpeg_read_header(&decoder, TRUE);
  target.width = decoder.image_width;
  target.height = decoder.image_height;
  target.channels = decoder.num_components == 1 ? 1 : 3;
  for (const jpeg_marker_struct* marker = decoder.marker_list; marker; marker = marker->next) {
    target.orientation = exif_orientation({marker->data, marker->data_length});
    if (target.orientation != 1) break;
  }
}

// One row of ink, stored inverted as Adobe does and all after it, to RGB.
void cmyk_to_rgb(const std::uint8_t* cmyk, unsigned width, std::uint8_t* rgb) {
  for (unsigned x = 0; x < width; ++x, cmyk += 4) {
    for (int c = 0; c < 3; ++c) {
      const unsigned taken = (255U - cmyk[c]) * cmyk[3] + 128;  // of the light that black ink leaves
      *rgb++ = static_cast<std::uint8_t>(cmyk[3] - ((taken >> 8) + taken) / 256);
    }
  }
}

void read_pixels(jpeg_decompress_struct& decoder, const JpegTarget& target) {
  const bool inks = decoder.num_components == 4;
  decoder.out_color_space = target.channels == 1 ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&decoder);
  const std::size_t row_bytes = std::size_t{target.width} * static_cast<std::size_t>(target.channels);
  JSAMPARRAY ink_row = nullptr;
  if (inks)
    ink_row = decoder.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&decoder), JPOOL_IMAGE, target.width * 4, 1);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = target.pixels + decoder.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder, inks ? ink_row : &row, 1);
    if (inks) cmyk_to_rgb(*ink_row, target.width, row);
  }
  // Where several scans make up the image, nothing but the end marker tells that all have come.
  const bool needs_end = jpeg_has_multiple_scans(&decoder);
  jpeg_finish_decompress(&decoder);
  if (needs_end && errors_of(reinterpret_cast<j_common_ptr>(&decoder)).no_end_marker) ERREXIT(&decoder, JERR_INPUT_EOF);
}

// Returns false if the file is damaged, for the reason in `errors`.
bool decode_into(const EncodedImage& file, JpegTarget& target, JpegErrors& errors) {
  jpeg_decompress_struct decoder;
  decoder.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = escape_jpeg;
  errors.manager.output_message = [](j_common_ptr) {};
  errors.manager.emit_message = take_message;
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, file.bytes.data(), file.bytes.size());
  read_header(decoder, target);
  if (target.pixels) read_pixels(decoder, target);
  jpeg_destroy_decompress(&decoder);
  return true;
}

}  // namespace

DecodedImage decode_jpeg(const EncodedImage& file) {
  JpegErrors errors{};
  JpegTarget target;
  const auto decode = [&] {
    if (!decode_into(file, target, errors)) file.fail(fmt::format("damaged JPEG: {}", errors.message.data()));
  };
  decode();
  file.check_size(target.width, target.height);
  DecodedImage image{.width = target.width,
                     .height = target.height,
                     .channels = static_cast<std::size_t>(target.channels),
                     .pixels = {},
                     .orientation = target.orientation};
  image.take_memory();
  target.pixels = image.pixels.data();
  decode();
  return image;
}

}  // namespace cascadecl
