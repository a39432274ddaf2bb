package io.ashlar.model.family;

import io.ashlar.model.CheckpointException;
import io.ashlar.model.ExpertShape;
import io.ashlar.model.Fields;

/** Qwen 3 with experts in every layer. */
final class Qwen3Moe extends Qwen3 {
    Qwen3Moe() {
        super("qwen3_moe");
    }

    @Override
    ExpertShape experts(Fields f) {
        if (f.positiveInt("decoder_sparse_step", 1) != 1
                || (f.has("mlp_only_layers") && !f.node().get("mlp_only_layers").isEmpty())) {
            throw new CheckpointException(
                    f.source() + ": layers without experts (decoder_sparse_step, mlp_only_layers) are not supported");
        }
        return new ExpertShape(
                f.positiveInt("num_experts"), f.positiveInt("num_experts_per_tok"), f.flag("norm_topk_prob", false));
    }

    @Override
    int intermediateSize(Fields f) {
        return f.positiveInt("moe_intermediate_size");
    }
}
