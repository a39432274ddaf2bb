package io.ashlar.model.format;

import io.ashlar.compute.DType;
import io.ashlar.model.CheckpointException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** GGUF's names of architectures, settings and tensors, and Hugging Face's for the same. */
final class GgufNames {
    private static final Map<String, String> FAMILIES = Map.of(
            "llama", "llama",
            "qwen2", "qwen2",
            "qwen3", "qwen3",
            "qwen3moe", "qwen3_moe",
            "gemma2", "gemma2",
            "gemma3", "gemma3_text",
            "phi3", "phi3");
    private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\.(.+)\\.(weight|bias)");
    private static final Map<String, String> LAYER_TENSORS = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_qkv", "self_attn.qkv_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("attn_q_norm", "self_attn.q_norm"),
            Map.entry("attn_k_norm", "self_attn.k_norm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"),
            Map.entry("ffn_gate_inp", "mlp.gate"));
    private static final Map<String, String> GLOBAL_TENSORS = Map.of(
            "token_embd.weight", "model.embed_tokens.weight",
            "output_norm.weight", "model.norm.weight",
            "output.weight", "lm_head.weight");
    /** Layers of the largest Gemma 2 and 3, whose scores are scaled by hidden size / heads; their files do not say so. */
    private static final int GEMMA2_27B_LAYERS = 46;

    private static final int GEMMA3_27B_LAYERS = 62;

    private final String source;
    private final String architecture;
    private final Map<String, Object> metadata;
    private final String family;
    private final ObjectNode config;

    private GgufNames(String source, Map<String, Object> metadata, Map<String, StoredTensor> stored) {
        this.source = source;
        this.metadata = metadata;
        this.architecture = metadata.get("general.architecture") instanceof String a ? a : "(none)";
        String known = FAMILIES.get(architecture);
        if (known == null) {
            throw new CheckpointException(source + ": the architecture '" + architecture
                    + "' is not supported; supported are "
                    + String.join(", ", FAMILIES.keySet().stream().sorted().toList()));
        }
        this.family = known.equals("llama") && has("expert_count") ? "mixtral" : known;
        this.config = config(stored);
    }

    static GgufNames of(String source, Map<String, Object> metadata, Map<String, StoredTensor> stored) {
        return new GgufNames(source, metadata, stored);
    }

    ObjectNode config() {
        return config;
    }

    private boolean has(String key) {
        return metadata.get(architecture + "." + key) instanceof Number n && n.doubleValue() != 0;
    }

    private Number number(String key) {
        Object value = metadata.get(architecture + "." + key);
        if (value instanceof List<?> list
                && !list.isEmpty()
                && list.stream().distinct().count() == 1) {
            value = list.getFirst();
        }
        if (!(value instanceof Number n)) {
            throw new CheckpointException(
                    source + ": '" + architecture + "." + key + "' is missing, or not one number for all layers");
        }
        return n;
    }

    private void copy(ObjectNode into, String name, String key) {
        if (has(key)) {
            Number n = number(key);
            if (n instanceof Long whole) {
                into.put(name, whole.longValue());
            } else {
                into.put(name, n.doubleValue());
            }
        }
    }

    private ObjectNode config(Map<String, StoredTensor> stored) {
        ObjectNode c = JsonMapper.shared().createObjectNode();
        c.put("model_type", family);
        int hidden = number("embedding_length").intValue();
        int heads = number("attention.head_count").intValue();
        int layers = number("block_count").intValue();
        if (hidden < 1 || heads < 1 || heads > hidden) {
            throw new CheckpointException(source + ": '" + architecture + ".embedding_length' is " + hidden + " and '"
                    + architecture + ".attention.head_count' is " + heads + "; a model cannot have these");
        }
        int headDim =
                has("attention.key_length") ? number("attention.key_length").intValue() : hidden / heads;
        c.put("hidden_size", hidden).put("num_attention_heads", heads).put("num_hidden_layers", layers);
        c.put(
                "num_key_value_heads",
                metadata.containsKey(architecture + ".attention.head_count_kv")
                        ? number("attention.head_count_kv").intValue()
                        : heads);
        c.put("head_dim", headDim);
        c.put("max_position_embeddings", number("context_length").intValue());
        copy(c, "intermediate_size", "feed_forward_length");
        c.put("rms_norm_eps", number("attention.layer_norm_rms_epsilon").doubleValue());
        copy(c, "rope_theta", "rope.freq_base");
        StoredTensor embedding = stored.get("token_embd.weight");
        if (embedding == null) {
            throw new CheckpointException(source + ": tensor 'token_embd.weight' is missing");
        }
        c.put("vocab_size", embedding.rows());
        c.put("tie_word_embeddings", !stored.containsKey("output.weight"));
        rotary(c, headDim, stored);
        if (!family.equals("phi3")) {
            // llama.cpp computes Phi 3 without its window, and Phi's files were made for that.
            copy(c, "sliding_window", "attention.sliding_window");
        }
        if (has("expert_count")) {
            copy(c, family.equals("mixtral") ? "num_local_experts" : "num_experts", "expert_count");
            copy(c, "num_experts_per_tok", "expert_used_count");
            copy(c, "moe_intermediate_size", "expert_feed_forward_length");
            c.put("norm_topk_prob", true);
        }
        if (family.startsWith("gemma")) {
            copy(c, "attn_logit_softcapping", "attn_logit_softcapping");
            copy(c, "final_logit_softcapping", "final_logit_softcapping");
            boolean largest = layers == (family.equals("gemma2") ? GEMMA2_27B_LAYERS : GEMMA3_27B_LAYERS);
            c.put("query_pre_attn_scalar", largest ? hidden / heads : headDim);
        }
        return c;
    }

    private void rotary(ObjectNode c, int headDim, Map<String, StoredTensor> stored) {
        if (has("rope.dimension_count") && number("rope.dimension_count").intValue() != headDim) {
            c.put("partial_rotary_factor", number("rope.dimension_count").doubleValue() / headDim);
        }
        StoredTensor factors = stored.get("rope_freqs.weight");
        Object type = metadata.get(architecture + ".rope.scaling.type");
        if (stored.keySet().stream().anyMatch(n -> n.startsWith("rope_factors_"))) {
            throw new CheckpointException(source + ": its long context (LongRoPE) is not supported");
        }
        if (factors != null && factors.type() != DType.F32) {
            throw new CheckpointException(source + ": tensor 'rope_freqs.weight' must be F32");
        }
        if (factors != null) {
            ArrayNode list =
                    c.putObject("rope_scaling").put("rope_type", "factors").putArray("factors");
            for (int i = 0; i < factors.columns(); i++) {
                list.add(factors.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4L));
            }
        } else if ("linear".equals(type)) {
            c.putObject("rope_scaling")
                    .put("rope_type", "linear")
                    .put("factor", number("rope.scaling.factor").doubleValue());
        } else if ("yarn".equals(type)) {
            c.putObject("rope_scaling")
                    .put("rope_type", "yarn")
                    .put("factor", number("rope.scaling.factor").doubleValue())
                    .put(
                            "original_max_position_embeddings",
                            number("rope.scaling.original_context_length").intValue());
        } else if (type != null && !"none".equals(type)) {
            throw new CheckpointException(source + ": the rotary scaling '" + type + "' is not supported");
        }
    }

    /** The tensors under Hugging Face's names; merged experts become one tensor for each. */
    Map<String, StoredTensor> rename(Map<String, StoredTensor> stored) {
        Map<String, StoredTensor> renamed = new LinkedHashMap<>();
        for (StoredTensor t : stored.values()) {
            String global = GLOBAL_TENSORS.get(t.name());
            Matcher layer = LAYER.matcher(t.name());
            if (global != null) {
                renamed.put(global, t);
            } else if (layer.matches()) {
                renameLayer(t, "model.layers." + layer.group(1) + ".", layer.group(2), layer.group(3), renamed);
            }
        }
        return renamed;
    }

    private void renameLayer(
            StoredTensor t, String prefix, String name, String suffix, Map<String, StoredTensor> into) {
        if (name.endsWith("_exps")) {
            experts(t, prefix, name.substring("ffn_".length(), name.length() - "_exps".length()), into);
            return;
        }
        String known = layerName(name);
        if (known != null) {
            into.put(prefix + known + "." + suffix, ordered(t, name));
        }
    }

    private @Nullable String layerName(String name) {
        boolean gemma = family.startsWith("gemma");
        return switch (name) {
            case "ffn_norm" -> gemma ? "pre_feedforward_layernorm" : "post_attention_layernorm";
            case "post_attention_norm" -> "post_attention_layernorm";
            case "post_ffw_norm" -> "post_feedforward_layernorm";
            case "ffn_gate_inp" -> family.equals("mixtral") ? "block_sparse_moe.gate" : "mlp.gate";
            case "ffn_up" -> family.equals("phi3") ? "mlp.gate_up_proj" : "mlp.up_proj";
            default -> LAYER_TENSORS.get(name);
        };
    }

    private void experts(StoredTensor t, String prefix, String role, Map<String, StoredTensor> into) {
        if (t.shape().length != 3) {
            throw new CheckpointException(source + ": tensor '" + t.name() + "' should have three dimensions");
        }
        long[] shape = Arrays.copyOfRange(t.shape(), 1, 3);
        long bytes = shape[0] * t.type().rowBytes(shape[1]);
        String mixtral = Map.of("gate", "w1", "down", "w2", "up", "w3").getOrDefault(role, role);
        for (int e = 0; e < t.shape()[0]; e++) {
            MemorySegment data = t.data().asSlice(e * bytes, bytes);
            String name = family.equals("mixtral")
                    ? "block_sparse_moe.experts." + e + "." + mixtral
                    : "mlp.experts." + e + "." + role + "_proj";
            into.put(prefix + name + ".weight", new StoredTensor(t.name() + "[" + e + "]", t.type(), shape, data));
        }
    }

    /**
     * Llama's queries and keys are stored with the dimensions that are rotated together side by side; here they are half a
     * head apart.
     */
    private StoredTensor ordered(StoredTensor t, String name) {
        boolean interleaved = architecture.equals("llama") && (name.equals("attn_q") || name.equals("attn_k"));
        if (!interleaved) {
            return t;
        }
        int headDim = config.get("head_dim").intValue();
        int half = headDim / 2;
        IntUnaryOperator order = row -> {
            int within = row % headDim;
            return row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
        };
        return new StoredTensor(t.name(), t.type(), t.shape(), t.data(), order);
    }
}
