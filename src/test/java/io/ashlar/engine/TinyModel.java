package io.ashlar.engine;

import io.ashlar.compute.DType;
import io.ashlar.compute.Quantizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A random model of a family as a GGUF file: small, but with everything that the family has. */
record TinyModel(String architecture, DType type) {
    static final List<String> ARCHITECTURES =
            List.of("llama", "mixtral", "qwen2", "qwen3", "qwen3moe", "gemma2", "gemma3", "phi3");
    static final int VOCABULARY = 320;
    static final int HIDDEN = 256;
    static final int WINDOW = 40;
    private static final int FFN = 512;
    private static final int EXPERT_FFN = 256;
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = 64;
    private static final int EXPERTS = 4;
    private static final int USED = 2;
    private static final int CONTROL = 3;

    Path write(Path folder) throws IOException {
        Path file = folder.resolve(architecture + "-" + type + ".gguf");
        GgufWriter out = new GgufWriter();
        boolean gemma = architecture.startsWith("gemma");
        boolean moe = architecture.equals("mixtral") || architecture.equals("qwen3moe");
        String arch = architecture.equals("mixtral") ? "llama" : architecture;
        int layers = architecture.equals("gemma3") ? 7 : 2;
        out.put("general.architecture", arch).put("general.name", "tiny").put("general.alignment", 32);
        out.put(arch + ".block_count", layers).put(arch + ".context_length", 512);
        out.put(arch + ".embedding_length", HIDDEN).put(arch + ".feed_forward_length", FFN);
        out.put(arch + ".attention.head_count", HEADS).put(arch + ".attention.head_count_kv", KV_HEADS);
        out.put(arch + ".attention.key_length", HEAD_DIM).put(arch + ".attention.value_length", HEAD_DIM);
        out.put(arch + ".attention.layer_norm_rms_epsilon", 1e-5f).put(arch + ".rope.dimension_count", HEAD_DIM);
        out.put(arch + ".rope.freq_base", gemma ? 50_000f : 10_000f).put(arch + ".vocab_size", VOCABULARY);
        if (gemma) {
            out.put(arch + ".attention.sliding_window", WINDOW);
        }
        if (architecture.equals("gemma2")) {
            out.put("gemma2.attn_logit_softcapping", 5f).put("gemma2.final_logit_softcapping", 6f);
        }
        if (architecture.equals("gemma3")) {
            out.put("gemma3.rope.scaling.type", "linear").put("gemma3.rope.scaling.factor", 4f);
        }
        if (moe) {
            out.put(arch + ".expert_count", EXPERTS).put(arch + ".expert_used_count", USED);
            if (!architecture.equals("mixtral")) {
                out.put(arch + ".expert_feed_forward_length", EXPERT_FFN);
            }
        }
        tokenizer(out);
        Random r = new Random(architecture.hashCode() * 31L + type.ordinal());
        // Gemma multiplies embeddings with 16, and its head takes them as they are.
        matrix(out, r, "token_embd.weight", gemma ? 0.12 : 1.5, VOCABULARY, HIDDEN);
        vector(out, r, "output_norm.weight", 1, 0.1, HIDDEN);
        if (!gemma) {
            matrix(out, r, "output.weight", 0.12, VOCABULARY, HIDDEN);
        }
        for (int layer = 0; layer < layers; layer++) {
            layer(out, r, "blk." + layer + ".", gemma, moe);
        }
        out.write(file);
        return file;
    }

    private void layer(GgufWriter out, Random r, String b, boolean gemma, boolean moe) {
        vector(out, r, b + "attn_norm.weight", 1, 0.1, HIDDEN);
        int q = HEADS * HEAD_DIM;
        int kv = KV_HEADS * HEAD_DIM;
        if (architecture.equals("phi3")) {
            matrix(out, r, b + "attn_qkv.weight", 0.05, q + 2 * kv, HIDDEN);
        } else {
            matrix(out, r, b + "attn_q.weight", 0.05, q, HIDDEN);
            matrix(out, r, b + "attn_k.weight", 0.05, kv, HIDDEN);
            matrix(out, r, b + "attn_v.weight", 0.05, kv, HIDDEN);
        }
        if (architecture.equals("qwen2")) {
            vector(out, r, b + "attn_q.bias", 0, 0.5, q);
            vector(out, r, b + "attn_k.bias", 0, 0.5, kv);
            vector(out, r, b + "attn_v.bias", 0, 0.5, kv);
        }
        if (architecture.startsWith("qwen3") || architecture.equals("gemma3")) {
            vector(out, r, b + "attn_q_norm.weight", 1, 0.2, HEAD_DIM);
            vector(out, r, b + "attn_k_norm.weight", 1, 0.2, HEAD_DIM);
        }
        matrix(out, r, b + "attn_output.weight", 0.05, HIDDEN, q);
        if (gemma) {
            vector(out, r, b + "post_attention_norm.weight", 0.5, 0.1, HIDDEN);
            vector(out, r, b + "post_ffw_norm.weight", 0.5, 0.1, HIDDEN);
        }
        vector(out, r, b + "ffn_norm.weight", 1, 0.1, HIDDEN);
        if (moe) {
            float[] router = values(r, EXPERTS * HIDDEN, 0, 0.6);
            out.tensor(b + "ffn_gate_inp.weight", DType.F32, stored(DType.F32, router, HIDDEN), EXPERTS, HIDDEN);
            int ffn = architecture.equals("mixtral") ? FFN : EXPERT_FFN;
            experts(out, r, b + "ffn_gate_exps.weight", ffn, HIDDEN);
            experts(out, r, b + "ffn_up_exps.weight", ffn, HIDDEN);
            experts(out, r, b + "ffn_down_exps.weight", HIDDEN, ffn);
        } else if (architecture.equals("phi3")) {
            matrix(out, r, b + "ffn_up.weight", 0.05, 2 * FFN, HIDDEN);
            matrix(out, r, b + "ffn_down.weight", 0.05, HIDDEN, FFN);
        } else {
            matrix(out, r, b + "ffn_gate.weight", 0.05, FFN, HIDDEN);
            matrix(out, r, b + "ffn_up.weight", 0.05, FFN, HIDDEN);
            matrix(out, r, b + "ffn_down.weight", 0.05, HIDDEN, FFN);
        }
    }

    private void experts(GgufWriter out, Random r, String name, int rows, int columns) {
        out.tensor(name, type, random(r, EXPERTS * rows, columns, 0.05), EXPERTS, rows, columns);
    }

    private void matrix(GgufWriter out, Random r, String name, double size, int rows, int columns) {
        out.tensor(name, type, random(r, rows, columns, size), rows, columns);
    }

    private static void vector(GgufWriter out, Random r, String name, double mean, double spread, int length) {
        out.tensor(name, DType.F32, stored(DType.F32, values(r, length, mean, spread), length), length);
    }

    private static float[] values(Random r, int n, double mean, double spread) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) (mean + spread * r.nextGaussian());
        }
        return values;
    }

    /** Random rows. K types are random blocks: whatever their bits are, they are weights. */
    private byte[] random(Random r, int rows, int columns, double size) {
        if (type.blockElements() != 256) {
            return stored(type, values(r, rows * columns, 0, size), columns);
        }
        byte[] bytes = new byte[(int) (rows * type.rowBytes(columns))];
        r.nextBytes(bytes);
        for (int at = 0; at < bytes.length; at += type.blockBytes()) {
            switch (type) {
                case Q6_K -> half(bytes, at + 208, size / 18 / 64);
                // Nibbles average 7.5 (15.5 with five bits) and scales 31.5; minima bring the mean to 0.
                case Q4_K -> {
                    half(bytes, at, size / 4.6 / 36);
                    half(bytes, at + 2, size / 4.6 / 36 * 7.5);
                }
                default -> {
                    half(bytes, at, size / 9.2 / 36);
                    half(bytes, at + 2, size / 9.2 / 36 * 15.5);
                }
            }
        }
        return bytes;
    }

    private static void half(byte[] bytes, int at, double value) {
        short bits = Float.floatToFloat16((float) value);
        bytes[at] = (byte) bits;
        bytes[at + 1] = (byte) (bits >> 8);
    }

    private static byte[] stored(DType type, float[] values, int columns) {
        try (Arena arena = Arena.ofConfined()) {
            int rows = values.length / columns;
            MemorySegment out = arena.allocate(rows * type.rowBytes(columns), 8);
            if (type.isQuantized()) {
                for (int row = 0; row < rows; row++) {
                    float[] x = java.util.Arrays.copyOfRange(values, row * columns, (row + 1) * columns);
                    Quantizer.quantize(type, x, columns, out.asSlice(row * type.rowBytes(columns)));
                }
            } else {
                for (int i = 0; i < values.length; i++) {
                    switch (type) {
                        case F32 -> out.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
                        case F16 -> out.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(values[i]));
                        default ->
                            out.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(values[i]) >>> 16));
                    }
                }
            }
            return out.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** One token for each byte, as GPT-2 spells them, and some that are not text. */
    private static void tokenizer(GgufWriter out) {
        List<String> tokens = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        int extra = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
            tokens.add(String.valueOf((char) (printable ? b : extra++)));
            types.add(1);
        }
        tokens.add("ab");
        types.add(1);
        while (tokens.size() < VOCABULARY) {
            tokens.add("<|" + tokens.size() + "|>");
            types.add(CONTROL);
        }
        out.put("tokenizer.ggml.model", "gpt2").put("tokenizer.ggml.pre", "gpt-2");
        out.put("tokenizer.ggml.tokens", tokens).put("tokenizer.ggml.token_type", types);
        out.put("tokenizer.ggml.merges", List.of("a b"));
        out.put("tokenizer.ggml.bos_token_id", 318).put("tokenizer.ggml.eos_token_id", 319);
        out.put("tokenizer.ggml.add_bos_token", false);
    }
}
