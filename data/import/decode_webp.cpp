#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "data/import/exif_orientation.h"
#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

int orientation(const WebPData& data) {
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> demuxer(WebPDemux(&data), WebPDemuxDelete);
  WebPChunkIterator exif{};
  int found = 1;
  if (demuxer && WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &exif))
    found = exif_orientation({exif.chunk.bytes, exif.chunk.size});
  WebPDemuxReleaseChunkIterator(&exif);
  return found;
}

}  // namespace

DecodedImage decode_webp(const EncodedImage& file) {
  WebPBitstreamFeatures features{};
  const auto give_up = [&] { file.fail("damaged or truncated WebP"); };
  if (WebPGetFeatures(file.bytes.data(), file.bytes.size(), &features) != VP8_STATUS_OK) give_up();
  const auto width = static_cast<std::size_t>(features.width), height = static_cast<std::size_t>(features.height);
  file.check_size(width, height);
  const WebPData data{file.bytes.data(), file.bytes.size()};
  DecodedImage image{.width = width, .height = height, .channels = 3, .pixels = {}, .orientation = orientation(data)};
  image.take_memory();
  if (!features.has_animation) {
    if (!WebPDecodeRGBInto(data.bytes, data.size, image.pixels.data(), image.pixels.size(), features.width * 3))
      give_up();
    return image;
  }
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(WebPAnimDecoderNew(&data, nullptr),
                                                                                   WebPAnimDecoderDelete);
  std::uint8_t* rgba = nullptr;
  int time_ms = 0;
  if (!decoder || !WebPAnimDecoderGetNext(decoder.get(), &rgba, &time_ms)) give_up();
  for (std::size_t i = 0; i < width * height; ++i)
    for (std::size_t c = 0; c < 3; ++c) image.pixels[i * 3 + c] = rgba[i * 4 + c];
  return image;
}

}  // namespace cascadecl
