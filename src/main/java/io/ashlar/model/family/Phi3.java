package io.ashlar.model.family;

import io.ashlar.model.BlockPlan.Source;
import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;

/** Phi 3: Llama whose projections are stored fused; each is a range of rows. */
final class Phi3 extends Decoder {
    Phi3() {
        super("phi3");
    }

    @Override
    LayerShape shape(Fields f, int layer, LayerShape common) {
        return common.with(window(f, layer, true), common.rotary());
    }

    @Override
    Source projection(String prefix, String role, LayerShape s) {
        String qkv = prefix + "self_attn.qkv_proj.weight";
        String gateUp = prefix + "mlp.gate_up_proj.weight";
        return switch (role) {
            case "q" -> new Source(qkv, 0, s.queryWidth());
            case "k" -> new Source(qkv, s.queryWidth(), s.keyWidth());
            case "v" -> new Source(qkv, s.queryWidth() + s.keyWidth(), s.keyWidth());
            case "gate" -> new Source(gateUp, 0, s.intermediateSize());
            case "up" -> new Source(gateUp, s.intermediateSize(), s.intermediateSize());
            default -> super.projection(prefix, role, s);
        };
    }
}
