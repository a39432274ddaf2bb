package io.ashlar.model.family;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Activations;
import io.ashlar.compute.Attention;
import io.ashlar.compute.Rows;
import io.ashlar.compute.Vector;
import io.ashlar.model.BlockPlan;
import io.ashlar.model.BlockPlan.Kind;
import io.ashlar.model.BlockPlan.Source;
import io.ashlar.model.BlockPlan.Tensor;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.ExpertShape;
import io.ashlar.model.Family;
import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.Pass;
import io.ashlar.model.Rotary;
import io.ashlar.model.RotaryScaling;
import io.ashlar.model.Weights;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the families have in common: grouped-query attention with rotary embedding and a gated feed-forward, an RMS norm
 * before each. A family says where it differs: in its configuration, in the tensors of its layers, in their names.
 * Biases, norms of heads, norms after a sub-layer and experts are computed where the block has them.
 */
abstract class Decoder implements Family {
    private static final List<String> QKV = List.of("q", "k", "v");
    private static final List<String> OUT = List.of("o");
    private static final List<String> GATE_UP = List.of("gate", "up");
    private static final List<String> DOWN = List.of("down");
    private static final List<String> ROUTER = List.of("router");
    private static final int O_SLOT = ADAPTABLE.indexOf("o");
    private static final int GATE_SLOT = ADAPTABLE.indexOf("gate");
    private static final int DOWN_SLOT = ADAPTABLE.indexOf("down");
    /** Vectors are read in registers of 16 floats. */
    private static final int LANES = 16;
    /** Kernels keep the queries of a head on the stack. */
    private static final int MOST_HEAD_DIM = 512;

    private final String name;

    Decoder(String name) {
        this.name = name;
    }

    @Override
    public String name() {
        return name;
    }

    // What families differ in.

    /** Names of the hidden activation that the configuration may have. */
    Activation activation(Fields f) {
        String given = f.has("hidden_activation") ? "hidden_activation" : "hidden_act";
        if (f.has(given) && !f.text(given).equals("silu")) {
            throw f.wrong(given, "silu");
        }
        return Activation.SILU;
    }

    float attentionScale(Fields f, int headDim) {
        return (float) (1 / Math.sqrt(headDim));
    }

    /** The shape of one layer, from the shape that all have. */
    LayerShape shape(Fields f, int layer, LayerShape common) {
        return common;
    }

    @Nullable
    ExpertShape experts(Fields f) {
        return null;
    }

    int intermediateSize(Fields f) {
        return f.positiveInt("intermediate_size");
    }

    float embeddingScale(Fields f) {
        return 1;
    }

    boolean tiedByDefault() {
        return false;
    }

    double defaultTheta() {
        return 10_000;
    }

    /** Biases of q, k and v. */
    boolean hasAttentionBias() {
        return false;
    }

    /** Norms over each head of q and k. */
    boolean hasHeadNorms() {
        return false;
    }

    /** Norms after attention and after the feed-forward, besides those before. */
    boolean hasPostNorms() {
        return false;
    }

    /** Whether norms are stored less 1. */
    boolean normsLackOne() {
        return false;
    }

    String routerName(String prefix) {
        return prefix + "mlp.gate.weight";
    }

    String expertName(String prefix, int expert, String role) {
        return prefix + "mlp.experts." + expert + "." + role + "_proj.weight";
    }

    /** The rows of a projection; a family that fuses several takes its part. */
    Source projection(String prefix, String role, LayerShape s) {
        return Source.all(prefix + moduleName(role) + ".weight");
    }

    // The rest is the same for all.

    @Override
    public ModelConfig config(Fields f) {
        for (String bias : List.of("attention_bias", "mlp_bias")) {
            if (f.flag(bias, false) && !(bias.equals("attention_bias") && hasAttentionBias())) {
                throw new CheckpointException(f.source() + ": '" + bias + "' is true; " + name
                        + " models with such biases are not supported");
            }
        }
        int hidden = width(f, "hidden_size", f.positiveInt("hidden_size"));
        int heads = f.positiveInt("num_attention_heads");
        int kvHeads = f.positiveInt("num_key_value_heads", heads);
        int headDim = width(f, "head_dim", f.positiveInt("head_dim", hidden / heads));
        if (headDim > MOST_HEAD_DIM) {
            throw f.wrong("head_dim", "at most " + MOST_HEAD_DIM);
        }
        if (heads % kvHeads != 0) {
            throw f.wrong("num_key_value_heads", "a divisor of num_attention_heads (" + heads + ")");
        }
        Fields parameters =
                f.has("rope_parameters") && f.object("rope_parameters").has("rope_theta")
                        ? f.object("rope_parameters")
                        : f;
        double part = f.number("partial_rotary_factor", 1);
        float epsilon = (float) f.number("rms_norm_eps", 1e-6);
        int intermediate = width(f, "intermediate_size", intermediateSize(f));
        LayerShape common = new LayerShape(
                hidden,
                intermediate,
                kvHeads,
                headDim,
                epsilon,
                new Rotary(
                        parameters.number("rope_theta", defaultTheta()),
                        RotaryScaling.read(f),
                        (int) (headDim * part) / 2 * 2),
                new Attention(heads, attentionScale(f, headDim), 0, (float) f.number("attn_logit_softcapping", 0)),
                activation(f),
                experts(f));
        List<LayerShape> shapes = new ArrayList<>();
        for (int layer = 0; layer < f.positiveInt("num_hidden_layers"); layer++) {
            shapes.add(shape(f, layer, common));
        }
        return new ModelConfig(
                name,
                f.positiveInt("vocab_size"),
                f.positiveInt("max_position_embeddings"),
                f.flag("tie_word_embeddings", tiedByDefault()),
                epsilon,
                embeddingScale(f),
                (float) f.number("final_logit_softcapping", 0),
                List.copyOf(shapes));
    }

    private static int width(Fields f, String field, int value) {
        if (value % LANES != 0) {
            throw new CheckpointException(
                    f.source() + ": '" + field + "' must be a multiple of " + LANES + ", but is " + value);
        }
        return value;
    }

    /** The window of a layer: the configuration's, where {@code layer_types} or the family says that it slides. */
    static int window(Fields f, int layer, boolean slides) {
        if (!f.has("sliding_window")) {
            return 0;
        }
        boolean sliding = f.has("layer_types")
                ? f.node().get("layer_types").path(layer).asString("").equals("sliding_attention")
                : slides;
        return sliding ? f.positiveInt("sliding_window") : 0;
    }

    @Override
    public List<BlockPlan> blocks(ModelConfig c, boolean normsStoredWhole) {
        boolean addOne = normsLackOne() && !normsStoredWhole;
        int d = c.hiddenSize();
        String embedding = "model.embed_tokens.weight";
        List<BlockPlan> blocks = new ArrayList<>();
        blocks.add(new BlockPlan(Kind.EMBEDDING, List.of(Tensor.matrix("weight", embedding, c.vocabularySize(), d))));
        for (int layer = 0; layer < c.layers(); layer++) {
            List<Tensor> tensors = new ArrayList<>();
            for (Tensor t : layerTensors("model.layers." + layer + ".", c.layer(layer))) {
                boolean norm = t.vector() && !t.role().endsWith(Weights.BIAS);
                tensors.add(norm && addOne ? t.plusOne() : t);
            }
            blocks.add(new BlockPlan(Kind.LAYER, tensors));
        }
        Tensor last = Tensor.vector("weight", "model.norm.weight", d);
        blocks.add(new BlockPlan(Kind.NORM, List.of(addOne ? last.plusOne() : last)));
        // A tied head is the embedding's block once more: same tensors, same name.
        String head = c.tiedHead() ? embedding : "lm_head.weight";
        blocks.add(new BlockPlan(Kind.HEAD, List.of(Tensor.matrix("weight", head, c.vocabularySize(), d))));
        return blocks;
    }

    private List<Tensor> layerTensors(String prefix, LayerShape s) {
        int d = s.hiddenSize();
        int ffn = s.intermediateSize();
        List<Tensor> tensors = new ArrayList<>();
        tensors.add(Tensor.vector("attention_norm", prefix + "input_layernorm.weight", d));
        tensors.add(matrix(prefix, "q", s, s.queryWidth(), d));
        tensors.add(matrix(prefix, "k", s, s.keyWidth(), d));
        tensors.add(matrix(prefix, "v", s, s.keyWidth(), d));
        tensors.add(matrix(prefix, "o", s, d, s.queryWidth()));
        if (hasAttentionBias()) {
            for (String role : QKV) {
                int rows = role.equals("q") ? s.queryWidth() : s.keyWidth();
                tensors.add(Tensor.vector(role + Weights.BIAS, prefix + moduleName(role) + ".bias", rows));
            }
        }
        if (hasHeadNorms()) {
            tensors.add(Tensor.vector("q_norm", prefix + "self_attn.q_norm.weight", s.headDim()));
            tensors.add(Tensor.vector("k_norm", prefix + "self_attn.k_norm.weight", s.headDim()));
        }
        String after = prefix + "post_attention_layernorm.weight";
        if (hasPostNorms()) {
            tensors.add(Tensor.vector("attention_post_norm", after, d));
            tensors.add(Tensor.vector("ffn_norm", prefix + "pre_feedforward_layernorm.weight", d));
            tensors.add(Tensor.vector("ffn_post_norm", prefix + "post_feedforward_layernorm.weight", d));
        } else {
            tensors.add(Tensor.vector("ffn_norm", after, d));
        }
        ExpertShape experts = s.experts();
        if (experts == null) {
            tensors.add(matrix(prefix, "gate", s, ffn, d));
            tensors.add(matrix(prefix, "up", s, ffn, d));
            tensors.add(matrix(prefix, "down", s, d, ffn));
        } else {
            tensors.add(Tensor.matrix("router", routerName(prefix), experts.count(), d));
            tensors.add(expertTensor(prefix, "gate", experts.count(), ffn, d));
            tensors.add(expertTensor(prefix, "up", experts.count(), ffn, d));
            tensors.add(expertTensor(prefix, "down", experts.count(), d, ffn));
        }
        return tensors;
    }

    private Tensor matrix(String prefix, String role, LayerShape s, int rows, int columns) {
        return new Tensor(role, List.of(projection(prefix, role, s)), rows, columns, false, false);
    }

    private Tensor expertTensor(String prefix, String role, int experts, int rows, int columns) {
        List<Source> sources = new ArrayList<>();
        for (int expert = 0; expert < experts; expert++) {
            sources.add(Source.all(expertName(prefix, expert, role)));
        }
        return new Tensor("experts_" + role, sources, experts * rows, columns, false, false);
    }

    static String moduleName(String role) {
        return switch (role) {
            case "gate", "up", "down" -> "mlp." + role + "_proj";
            default -> "self_attn." + role + "_proj";
        };
    }

    @Override
    public String adaptableSource(int layer, String role) {
        return "model.layers." + layer + "." + moduleName(role);
    }

    @Override
    public void layer(Pass pass, Rows rows, int layer, LayerShape s, Weights w) {
        attention(pass, rows, layer, s, w);
        if (s.experts() == null) {
            feedForward(pass, rows, layer, s, w);
        } else {
            expertFeedForward(pass, rows, s, s.experts(), w);
        }
    }

    private static void attention(Pass pass, Rows rows, int layer, LayerShape s, Weights w) {
        var kernels = pass.kernels();
        var stacked = pass.stacked();
        kernels.rmsNorm(pass.hidden(), rows, w.vector("attention_norm"), s.normEpsilon(), pass.normed(), false);
        pass.project(pass.normed(), rows, layer, w, QKV, 0, stacked, false);
        int keys = s.queryWidth();
        int values = keys + s.keyWidth();
        Vector queryNorm = w.vectorOrNull("q_norm");
        if (queryNorm != null) {
            kernels.normHeads(stacked, rows, 0, s.heads(), queryNorm, s.normEpsilon());
            kernels.normHeads(stacked, rows, keys, s.kvHeads(), w.vector("k_norm"), s.normEpsilon());
        }
        // Keys follow queries, so both are turned at once.
        kernels.rotate(stacked, rows, 0, s.heads() + s.kvHeads(), s.headDim(), pass.positions(), pass.rotary(layer));
        var pages = pass.keyValues(layer, s);
        kernels.store(stacked, rows, keys, values, pass.positions(), pages);
        kernels.attend(stacked, rows, s.attention(), pass.positions(), pages, pass.mixed());
        addResult(pass, rows, layer, s, w, OUT, O_SLOT, w.vectorOrNull("attention_post_norm"));
    }

    private static void feedForward(Pass pass, Rows rows, int layer, LayerShape s, Weights w) {
        var kernels = pass.kernels();
        kernels.rmsNorm(pass.hidden(), rows, w.vector("ffn_norm"), s.normEpsilon(), pass.normed(), false);
        pass.project(pass.normed(), rows, layer, w, GATE_UP, GATE_SLOT, pass.stacked(), false);
        kernels.gate(pass.stacked(), rows, s.intermediateSize(), s.activation(), pass.mixed());
        addResult(pass, rows, layer, s, w, DOWN, DOWN_SLOT, w.vectorOrNull("ffn_post_norm"));
    }

    /** Adds a sub-layer's last projection to the residual stream, normed first where the family does so. */
    private static void addResult(
            Pass pass,
            Rows rows,
            int layer,
            LayerShape s,
            Weights w,
            List<String> role,
            int slot,
            @Nullable Vector norm) {
        if (norm == null) {
            pass.project(pass.mixed(), rows, layer, w, role, slot, pass.hidden(), true);
        } else {
            pass.project(pass.mixed(), rows, layer, w, role, slot, pass.normed(), false);
            pass.kernels().rmsNorm(pass.normed(), rows, norm, s.normEpsilon(), pass.hidden(), true);
        }
    }

    private static void expertFeedForward(Pass pass, Rows rows, LayerShape s, ExpertShape experts, Weights w) {
        var kernels = pass.kernels();
        Activations outputs = pass.expertOutputs();
        var routing = pass.routing(experts);
        kernels.rmsNorm(pass.hidden(), rows, w.vector("ffn_norm"), s.normEpsilon(), pass.normed(), false);
        kernels.project(pass.normed(), rows, w.stack(ROUTER), pass.stacked(), false);
        kernels.route(pass.stacked(), rows, routing);
        int slots = rows.count() * experts.used();
        kernels.projectExperts(pass.normed(), rows, false, routing, w.matrices(EXPERT_GATE_UP), pass.stacked());
        kernels.gateSlots(pass.stacked(), slots, s.intermediateSize(), s.activation(), pass.mixed());
        kernels.projectExperts(pass.mixed(), rows, true, routing, w.matrices(EXPERT_DOWN), outputs);
        kernels.combineExperts(outputs, rows, routing, s.hiddenSize(), pass.hidden());
    }

    private static final List<String> EXPERT_GATE_UP = List.of("experts_gate", "experts_up");
    private static final List<String> EXPERT_DOWN = List.of("experts_down");
}
