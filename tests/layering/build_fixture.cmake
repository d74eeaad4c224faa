# Configures and builds the fixture project SOURCE in BUILD from scratch, headers verified.
file(REMOVE_RECURSE ${BUILD})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -DLAYER_FILE=${LAYER_FILE}
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target all_verify_interface_header_sets
                COMMAND_ERROR_IS_FATAL ANY)
