#pragma once
#include <string_view>

namespace cascadecl {

// Whether a training ends with its stages learning from all images, those too that were held out until then. Policies,
// weights, temperatures and decision stay.
//   none       it does not
//   all        the stages are trained anew, from random weights, just as in pretraining
//   continued  from where they are, through the last third of their epochs and of the schedule
enum class Refit { none, all, continued };
std::string_view to_string(Refit refit);  // "none", "all", "continue"

// How many of the `epochs` of its pretraining a stage leaves out in the refit.
int epochs_left_out(Refit refit, int epochs);

}  // namespace cascadecl
