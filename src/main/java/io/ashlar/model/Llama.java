package io.ashlar.model;

import io.ashlar.compute.Rows;
import io.ashlar.model.BlockPlan.Kind;
import io.ashlar.model.BlockPlan.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Llama: grouped-query attention with rotary embedding, RMS norms before each sub-layer, gated SiLU feed-forward. */
final class Llama implements Family {
    static final String NAME = "llama";
    static final Llama INSTANCE = new Llama();

    private static final List<String> QKV = List.of("q", "k", "v");
    private static final List<String> OUT = List.of("o");
    private static final List<String> GATE_UP = List.of("gate", "up");
    private static final List<String> DOWN = List.of("down");
    private static final Map<String, String> ADAPTABLE = Map.of(
            "q", "self_attn.q_proj",
            "k", "self_attn.k_proj",
            "v", "self_attn.v_proj",
            "o", "self_attn.o_proj",
            "gate", "mlp.gate_proj",
            "up", "mlp.up_proj",
            "down", "mlp.down_proj");

    private Llama() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public ModelConfig config(Fields f) {
        for (String bias : List.of("attention_bias", "mlp_bias")) {
            if (f.flag(bias, false)) {
                throw new CheckpointException(f.source() + ": '" + bias + "' is true; biases are not supported");
            }
        }
        if (f.has("hidden_act") && !f.text("hidden_act").equals("silu")) {
            throw f.wrong("hidden_act", "silu");
        }
        int hidden = f.positiveInt("hidden_size");
        int heads = f.positiveInt("num_attention_heads");
        int kvHeads = f.positiveInt("num_key_value_heads", heads);
        int headDim = f.positiveInt("head_dim", hidden / heads);
        if (heads % kvHeads != 0) {
            throw f.wrong("num_key_value_heads", "a divisor of num_attention_heads (" + heads + ")");
        }
        if (headDim % 2 != 0) {
            throw new CheckpointException(f.source() + ": 'head_dim' must be even, but is " + headDim);
        }
        double theta = f.has("rope_parameters") && f.object("rope_parameters").has("rope_theta")
                ? f.object("rope_parameters").number("rope_theta")
                : f.number("rope_theta", 10_000);
        LayerShape layer = new LayerShape(
                hidden,
                f.positiveInt("intermediate_size"),
                heads,
                kvHeads,
                headDim,
                (float) f.number("rms_norm_eps", 1e-6),
                theta,
                RotaryScaling.read(f));
        return new ModelConfig(
                NAME,
                f.positiveInt("vocab_size"),
                f.positiveInt("num_hidden_layers"),
                f.positiveInt("max_position_embeddings"),
                f.flag("tie_word_embeddings", false),
                layer);
    }

    @Override
    public List<BlockPlan> blocks(ModelConfig c) {
        LayerShape s = c.layer();
        int d = s.hiddenSize();
        int ffn = s.intermediateSize();
        String embedding = "model.embed_tokens.weight";
        List<BlockPlan> blocks = new ArrayList<>();
        blocks.add(new BlockPlan(Kind.EMBEDDING, List.of(new Tensor("weight", embedding, c.vocabularySize(), d))));
        for (int layer = 0; layer < c.layers(); layer++) {
            String prefix = "model.layers." + layer + ".";
            blocks.add(new BlockPlan(
                    Kind.LAYER,
                    List.of(
                            new Tensor("attention_norm", prefix + "input_layernorm.weight", 1, d),
                            projection(layer, "q", s.queryWidth(), d),
                            projection(layer, "k", s.keyWidth(), d),
                            projection(layer, "v", s.keyWidth(), d),
                            projection(layer, "o", d, s.queryWidth()),
                            new Tensor("ffn_norm", prefix + "post_attention_layernorm.weight", 1, d),
                            projection(layer, "gate", ffn, d),
                            projection(layer, "up", ffn, d),
                            projection(layer, "down", d, ffn))));
        }
        blocks.add(new BlockPlan(Kind.NORM, List.of(new Tensor("weight", "model.norm.weight", 1, d))));
        // A tied head is the embedding's block once more: same tensors, same name.
        String head = c.tiedHead() ? embedding : "lm_head.weight";
        blocks.add(new BlockPlan(Kind.HEAD, List.of(new Tensor("weight", head, c.vocabularySize(), d))));
        return blocks;
    }

    private Tensor projection(int layer, String role, int rows, int columns) {
        return new Tensor(role, adaptableSource(layer, role) + ".weight", rows, columns);
    }

    @Override
    public Map<String, String> adaptable() {
        return ADAPTABLE;
    }

    @Override
    public String adaptableSource(int layer, String role) {
        return "model.layers." + layer + "." + ADAPTABLE.get(role);
    }

    @Override
    public void layer(Pass pass, Rows rows, int layer, LayerShape s, Weights w) {
        var kernels = pass.kernels();
        var x = pass.hidden();
        var normed = pass.normed();
        var stacked = pass.stacked();
        var mixed = pass.mixed();

        kernels.rmsNorm(x, rows, w.get("attention_norm"), s.normEpsilon(), normed);
        pass.project(normed, rows, layer, w, QKV, stacked, false);
        int keys = s.queryWidth();
        int values = keys + s.keyWidth();
        var rotary = pass.rotary(s);
        kernels.rotate(stacked, rows, 0, s.heads(), pass.positions(), rotary);
        kernels.rotate(stacked, rows, keys, s.kvHeads(), pass.positions(), rotary);
        var pages = pass.keyValues(layer, s);
        kernels.store(stacked, rows, keys, values, pages);
        float scale = (float) (1 / Math.sqrt(s.headDim()));
        kernels.attend(stacked, rows, s.heads(), scale, pages, mixed);
        pass.project(mixed, rows, layer, w, OUT, x, true);

        kernels.rmsNorm(x, rows, w.get("ffn_norm"), s.normEpsilon(), normed);
        pass.project(normed, rows, layer, w, GATE_UP, stacked, false);
        kernels.gatedSilu(stacked, rows, s.intermediateSize(), mixed);
        pass.project(mixed, rows, layer, w, DOWN, x, true);
    }
}
