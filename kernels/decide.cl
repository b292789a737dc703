// decide: which images of a batch go on to the next stage.
//   stop_probability, limit [N]   keep [N]
//   global id: 0 = image n
//   keep[n] = 1 where stop_probability[n] < limit[n], else 0
kernel void decide(global const float* restrict stop_probability, global const float* restrict limit,
                   global int* restrict keep) {
  const size_t n = get_global_id(0);
  keep[n] = stop_probability[n] < limit[n] ? 1 : 0;
}
