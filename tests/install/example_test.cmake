# Installs BUILD into FOLDER, builds the program in EXAMPLE against it in three ways (CMake package, its static library,
# pkg-config) and runs each on a model trained here by PROGRAM. All three must print the same.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
set(prefix ${FOLDER}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

set(data ${FOLDER}/data.h5)
set(model ${FOLDER}/model.h5)
run(${PROGRAM} data generate -o ${data} --train 256 --test 16 --size 16 --quiet)
set(photo ${CMAKE_CURRENT_LIST_DIR}/photo.jpg)
run(${PROGRAM} train --data ${data} --stages resnet-8,resnet-14 -o ${model} --epochs 1 --policy-epochs 1
  --phases pretrain,policy --quiet)

# build_and_run(NAME): builds the project in FOLDER/NAME; `output` is what its program prints.
macro(build_and_run name)
  run(${CMAKE_COMMAND} -S ${FOLDER}/${name} -B ${FOLDER}/${name}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
    -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_PREFIX_PATH=${prefix})
  run(${CMAKE_COMMAND} --build ${FOLDER}/${name}/build)
  run(${FOLDER}/${name}/build/classify ${model} ${photo})
endmacro()

file(COPY ${EXAMPLE}/ DESTINATION ${FOLDER}/shared)
build_and_run(shared)
set(expected "${output}")
if(NOT expected MATCHES "photo.jpg: [a-z ]+ \\([0-9.]+ %\\), left at stage [01] after [0-9.]+ million multiply-adds\non ")
  message(FATAL_ERROR "the example printed:\n${expected}")
endif()

# The program gives the same answer, and nothing but the public headers is installed.
run(${PROGRAM} predict ${model} ${photo} --json --quiet)
string(JSON label GET "${output}" images 0 label_name)
string(JSON exit GET "${output}" images 0 exit_stage)
if(NOT expected MATCHES "photo.jpg: ${label} .*left at stage ${exit} ")
  message(FATAL_ERROR "the example printed:\n${expected}\nand the program:\n${output}")
endif()
foreach(internal runtime/ops/conv_list.h runtime/network/plan_step.h trainer/training.h data/files/hdf5_handle.h)
  if(EXISTS ${prefix}/include/cascadecl/${internal})
    message(FATAL_ERROR "${internal} is installed")
  endif()
endforeach()

file(COPY ${EXAMPLE}/ DESTINATION ${FOLDER}/static)
file(READ ${FOLDER}/static/CMakeLists.txt text)
string(REPLACE "find_package(cascadecl 0.1 REQUIRED)" "find_package(cascadecl 0.1 REQUIRED COMPONENTS static)" text "${text}")
string(REPLACE cascadecl::cascadecl cascadecl::static text "${text}")
file(WRITE ${FOLDER}/static/CMakeLists.txt "${text}")
build_and_run(static)
expect_equal("${output}" "${expected}")

file(GLOB_RECURSE pc ${prefix}/*/cascadecl.pc)
cmake_path(GET pc PARENT_PATH pc_folder)
set(ENV{PKG_CONFIG_PATH} ${pc_folder})
run(pkg-config --cflags --libs cascadecl)
separate_arguments(flags UNIX_COMMAND "${CXX_FLAGS} ${output}")
run(${CXX} -std=c++20 ${EXAMPLE}/classify.cpp -o ${FOLDER}/classify ${flags})
cmake_path(GET pc_folder PARENT_PATH libdir)
set(ENV{LD_LIBRARY_PATH} ${libdir})
run(${FOLDER}/classify ${model} ${photo})
expect_equal("${output}" "${expected}")
