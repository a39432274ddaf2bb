package io.ashlar.model.family;

import io.ashlar.model.ExpertShape;
import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;

/** Mixtral: Mistral with experts in every layer. */
final class Mixtral extends Decoder {
    Mixtral() {
        super("mixtral");
    }

    @Override
    ExpertShape experts(Fields f) {
        return new ExpertShape(f.positiveInt("num_local_experts"), f.positiveInt("num_experts_per_tok"), true);
    }

    @Override
    LayerShape shape(Fields f, int layer, LayerShape common) {
        return common.with(window(f, layer, true), common.rotary());
    }

    @Override
    double defaultTheta() {
        return 1_000_000;
    }

    @Override
    String routerName(String prefix) {
        return prefix + "block_sparse_moe.gate.weight";
    }

    @Override
    String expertName(String prefix, int expert, String role) {
        String name = switch (role) {
            case "gate" -> "w1";
            case "down" -> "w2";
            default -> "w3";
        };
        return prefix + "block_sparse_moe.experts." + expert + "." + name + ".weight";
    }
}
