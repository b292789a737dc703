#pragma once

namespace cascadecl {

// Goes over the attributes of a layer type in the order of layer lists: one implementation reads them, one writes them.
// Names are those of the JSON fields.
class Attributes {
 public:
  virtual ~Attributes() = default;
  // A whole number of at least `smallest`. It must be there.
  virtual void integer(const char* name, int& value, int smallest) = 0;
  // The same, but a list may leave it out where it is `otherwise`. Lists that we write do not.
  virtual void integer(const char* name, int& value, int smallest, int otherwise) = 0;
  // The same, and lists that we write leave it out.
  virtual void rare_integer(const char* name, int& value, int smallest, int otherwise) = 0;
  // True or false; left out where it is `otherwise`.
  virtual void flag(const char* name, bool& value, bool otherwise) = 0;
  // A finite number. It must be there.
  virtual void number(const char* name, float& value) = 0;
};

}  // namespace cascadecl
