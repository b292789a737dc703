#pragma once
#include "trainer/combined_trainer.h"
#include "trainer/joint.h"
#include "trainer/pretrain.h"
#include "trainer/training.h"

// The phases of a training. Each goes on from the training's state, saves it after every epoch, and returns false if
// the observer stopped it. Throws TrainingError (loss or parameters not finite), OutputError.
namespace cascadecl {

// Each stage alone: on one device in order, on several at once, where each takes the largest stage that is left. The
// bits of a stage are the same either way if the devices are of one kind. The observer is called by one thread at a
// time. If a stage fails the others are stopped and saved, and its error is thrown.
bool train_stages(Training& training);

// Fits to the held-out images how sure the stages are and how their answers combine: temperatures (none for the paper's
// joint training, whose stages learn without) and the weights of Combine::fitted.
void fit_answers(Training& training);

// The same, and then the policies, on what the frozen stages say of the held-out images.
bool train_policies(Training& training);
// The same from where they are, after the stages have changed; in the phase joint.
bool update_policies(Training& training);

// Stages and policies together: after each epoch of the stages the policies are fitted again.
bool train_jointly(Training& training);

// The best ways to run the cascade, on the held-out images; of them the cheapest one that is at most half a point less
// accurate than the best stage becomes the model's decision.
bool find_frontier(Training& training);

PretrainSettings pretrain_settings(const Training& training, int stage);
JointSettings joint_settings(const TrainSettings& settings);
CombinedTrainerSettings combined_settings(const TrainSettings& settings);

}  // namespace cascadecl
