/* Every kernel by its name. CudaKernels.java launches them. */
#include "adapters.cuh"
#include "attention.cuh"
#include "elementwise.cuh"
#include "product.cuh"
#include "repack.cuh"
#include "sampling.cuh"

#define FOR_STORED_TYPES(DO) \
    DO(f16, F16) DO(bf16, BF16) DO(q8_0, Q8_0) DO(q4_0, Q4_0) DO(q4_k, Q4_K) DO(q5_k, Q5_K) DO(q6_k, Q6_K)

#define OF_TYPE(name, TYPE) \
    KERNEL(256, product_1_##name, Product) { product_narrow<TYPE, 1, 1, false>(p); } \
    KERNEL(256, product_2_##name, Product) { product_narrow<TYPE, 1, 2, false>(p); } \
    KERNEL(256, product_4_##name, Product) { product_narrow<TYPE, 2, 4, true>(p); } \
    KERNEL(256, product_8_##name, Product) { product_narrow<TYPE, 4, 8, true>(p); } \
    KERNEL(256, product_wide_##name, Product) { product_wide<TYPE>(p); } \
    KERNEL(256, experts_##name, ExpertProduct) { product_experts<TYPE>(p); } \
    KERNEL(256, embed_##name, Embed) { embed<TYPE>(p); } \
    KERNEL(32, repack_##name, Repack) { repack<TYPE>(p); }
FOR_STORED_TYPES(OF_TYPE)

KERNEL(256, embed_f32, Embed) { embed<F32>(p); }
KERNEL(256, product_f32, Product) { product_plain(p); }
KERNEL(256, experts_f32, ExpertProduct) { experts_plain(p); }
KERNEL(256, pack_rows, Pack) { pack(p); }
KERNEL(256, low_rank_a, LowRank) { low_rank_down(p); }
KERNEL(128, low_rank_b, LowRank) { low_rank_up(p); }
KERNEL(256, norm_rows, Norm) { norm(p); }
KERNEL(128, norm_heads, HeadNorm) { head_norm(p); }
KERNEL(256, gate_silu, Gate) { gate<SILU>(p); }
KERNEL(256, gate_gelu_tanh, Gate) { gate<GELU_TANH>(p); }
KERNEL(256, softcap_rows, Softcap) { softcap(p); }
KERNEL(256, route_rows, Route) { route(p); }
KERNEL(256, combine_experts, Combine) { combine(p); }
KERNEL(1024, argmax_rows, Argmax) { argmax(p); }
KERNEL(256, copy_activations, Copy) { copy_rows(p); }
KERNEL(256, feed_words, Feed) { feed(p); }
KERNEL(128, scatter_words, Scatter) { scatter(p); }
KERNEL(512, sample_rows, Sample) { sample(p); }

KERNEL(128, rotate_store_f32, RotateStore) { rotate_store<PAGES_F32>(p); }
KERNEL(128, rotate_store_f16, RotateStore) { rotate_store<PAGES_F16>(p); }
KERNEL(128, rotate_store_q8, RotateStore) { rotate_store<PAGES_Q8>(p); }
KERNEL(128, attend_merge_parts, Attend) { attend_merge(p); }
KERNEL(128, attend_plain_f32, Attend) { attend_plain<PAGES_F32>(p); }
KERNEL(128, attend_plain_f16, Attend) { attend_plain<PAGES_F16>(p); }
KERNEL(128, attend_plain_q8, Attend) { attend_plain<PAGES_Q8>(p); }

#define OF_HEAD(pages, PAGES, dims) \
    KERNEL(256, attend_chunk_##pages##_##dims, Attend) { attend_chunk<PAGES, dims>(p); } \
    KERNEL(128, attend_many_##pages##_##dims, Attend) { attend_many<PAGES, dims>(p); }
#define OF_PAGES(pages, PAGES) OF_HEAD(pages, PAGES, 64) OF_HEAD(pages, PAGES, 128) OF_HEAD(pages, PAGES, 256)
OF_PAGES(f16, PAGES_F16)
OF_PAGES(q8, PAGES_Q8)
