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

# Public headers are included as <cascadecl/cascadecl.h> and <cascadecl/runtime/...>. For a project that adds this one as
# a subdirectory links stand for what public_headers.cmake installs.
set(build_headers ${CMAKE_CURRENT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${build_headers}/cascadecl)
foreach(folder data runtime trainer)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${build_headers}/cascadecl/${folder} SYMBOLIC)
endforeach()
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/share/include/cascadecl.h ${build_headers}/cascadecl/cascadecl.h SYMBOLIC)
foreach(library cascadecl_static cascadecl_shared)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME cascadecl)
  target_sources(${library} PRIVATE $<TARGET_OBJECTS:cascadecl_data> $<TARGET_OBJECTS:cascadecl_kernels>
    $<TARGET_OBJECTS:cascadecl_runtime> $<TARGET_OBJECTS:cascadecl_trainer>)
  target_compile_features(${library} INTERFACE cxx_std_20)
  target_include_directories(${library} INTERFACE
    $<BUILD_INTERFACE:${build_headers}> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${library} PUBLIC OpenCL::OpenCL Threads::Threads
    PRIVATE clblast CURL::libcurl fmt::fmt GIF::GIF hdf5::hdf5 JPEG::JPEG LibArchive::LibArchive OpenSSL::Crypto
    PkgConfig::WebP PNG::PNG TIFF::TIFF ${CMAKE_DL_LIBS})
endforeach()

install(TARGETS cascadecl_shared EXPORT cascadeclTargets)
install(TARGETS cascadecl_static EXPORT cascadeclStaticTargets)
install(CODE "include(${CMAKE_CURRENT_LIST_DIR}/public_headers.cmake)
  copy_public_headers(${PROJECT_SOURCE_DIR} \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR})")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/share/models ${PROJECT_SOURCE_DIR}/share/configs
  DESTINATION ${CMAKE_INSTALL_DATADIR}/cascadecl)
# The library has the tuning embedded; it is installed to be read.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/share/doc/ ${PROJECT_SOURCE_DIR}/share/tuning ${PROJECT_SOURCE_DIR}/share/examples
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
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
