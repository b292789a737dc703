# The library that users link, static and shared, from the object libraries of data/, kernels/, runtime/ and trainer/;
# its headers, CMake package and pkg-config file. share/doc/library.md tells how to use them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(cascadecl_static STATIC)
add_library(cascadecl_shared SHARED)
set_target_properties(cascadecl_static PROPERTIES EXPORT_NAME static)
set_target_properties(cascadecl_shared PROPERTIES EXPORT_NAME cascadecl VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
add_library(cascadecl::static ALIAS cascadecl_static)
add_library(cascadecl::cascadecl ALIAS cascadecl_shared)

# Headers are included from their root: "runtime/cascade/executor.h". They have a folder of their own, because names like
# data/ are too common for /usr/include.
set(header_dir ${CMAKE_INSTALL_INCLUDEDIR}/cascadecl)
foreach(library cascadecl_static cascadecl_shared)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME cascadecl)
  target_sources(${library} PRIVATE $<TARGET_OBJECTS:cascadecl_data> $<TARGET_OBJECTS:cascadecl_kernels>
    $<TARGET_OBJECTS:cascadecl_runtime> $<TARGET_OBJECTS:cascadecl_trainer>)
  target_compile_features(${library} INTERFACE cxx_std_20)
  target_include_directories(${library} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${header_dir}>)
  target_link_libraries(${library} PUBLIC OpenCL::OpenCL Threads::Threads
    PRIVATE clblast CURL::libcurl fmt::fmt GIF::GIF hdf5::hdf5 JPEG::JPEG LibArchive::LibArchive OpenSSL::Crypto
    PkgConfig::WebP PNG::PNG ${CMAKE_DL_LIBS})
endforeach()

install(TARGETS cascadecl_shared EXPORT cascadeclTargets)
install(TARGETS cascadecl_static EXPORT cascadeclStaticTargets)
# hdf5_handle.h and hdf5_sink.h are private: they need HDF5's own headers; the others left out are of no use alone.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/data ${PROJECT_SOURCE_DIR}/runtime ${PROJECT_SOURCE_DIR}/trainer
  DESTINATION ${header_dir} FILES_MATCHING PATTERN "*.h"
  PATTERN hdf5_handle.h EXCLUDE PATTERN hdf5_sink.h EXCLUDE PATTERN pickle_machine.h EXCLUDE
  PATTERN image_decoders.h EXCLUDE PATTERN exif_orientation.h EXCLUDE)
# The library has them embedded; they are installed to be read.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/share/tuning DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cascadecl)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/cascadeclConfig.cmake.in cascadeclConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(cascadeclConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cascadeclConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/cascadeclConfigVersion.cmake
  DESTINATION ${package_dir})
install(EXPORT cascadeclTargets NAMESPACE cascadecl:: DESTINATION ${package_dir})
install(EXPORT cascadeclStaticTargets NAMESPACE cascadecl:: DESTINATION ${package_dir})

# The prefix is found from where the file lies, so that the installed tree may be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE libdir)
file(RELATIVE_PATH prefix_from_pc "/prefix/${libdir}/pkgconfig" "/prefix")
configure_file(${CMAKE_CURRENT_LIST_DIR}/cascadecl.pc.in cascadecl.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cascadecl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
