package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ashlar.compute.DType;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tokenizers inside GGUF files give llama.cpp's tokens. */
class GgufTokenizerTest {
    private static final Path NODE = Path.of("target/node-sdk");
    private static final int CONTROL = 3;
    private static final int UNKNOWN = 2;
    private static final int BYTE = 6;
    private static final List<String> TEXTS = List.of(
            "What is the capital of Japan?",
            "  two  spaces, a\ttab,\n\nlines and trailing  ",
            "I've seen 12345 owls; they're 3.14 m high, aren't they? DON'T!",
            "naïve café — “quotes” … ¿qué? Straße, 東京 は 日本, Привет, 🦉🦉",
            "a=b+c<=d~e|f $5 ^2",
            "x",
            "the owl the owl  the owl");

    @TempDir
    Path root;

    @Test
    void tokens_are_llama_cpps() throws Exception {
        assumeTrue(Files.isDirectory(NODE.resolve("node_modules/node-llama-cpp")), "node-llama-cpp is not installed");
        Map<String, Path> files = new HashMap<>();
        for (String pre : List.of("gpt-2", "default", "llama-bpe", "qwen2", "smollm")) {
            files.put(pre, bytePairs(pre));
        }
        files.put("sentencepiece", sentencePiece(true));
        files.put("sentencepiece without a first space", sentencePiece(false));
        Map<String, JsonNode> theirs = llama(files);
        files.forEach((name, file) -> {
            try (Checkpoint checkpoint = Checkpoint.open(file);
                    Tokenizer tokenizer = new Tokenizer(checkpoint.tokenizer(), 2048)) {
                for (int i = 0; i < TEXTS.size(); i++) {
                    int[] expected = theirs.get(file.toString())
                            .get(i)
                            .valueStream()
                            .mapToInt(JsonNode::intValue)
                            .toArray();
                    assertThat(tokenizer.encode(TEXTS.get(i), false))
                            .as(name + ": " + TEXTS.get(i))
                            .isEqualTo(expected);
                }
            }
        });
    }

    private Map<String, JsonNode> llama(Map<String, Path> files) throws Exception {
        List<Map<String, Object>> jobs = new ArrayList<>();
        files.values().forEach(file -> jobs.add(Map.of("file", file.toString(), "texts", TEXTS)));
        Path list = root.resolve("jobs.json");
        Files.write(list, JsonMapper.shared().writeValueAsBytes(jobs));
        Files.copy(
                Path.of("src/test/node/tokenize.mjs"),
                NODE.resolve("tokenize.mjs"),
                StandardCopyOption.REPLACE_EXISTING);
        Path errors = root.resolve("errors");
        Process node = new ProcessBuilder("node", "tokenize.mjs", list.toString())
                .directory(NODE.toFile())
                .redirectError(errors.toFile())
                .start();
        String out = new String(node.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(node.waitFor()).as(Files.readString(errors)).isZero();
        Map<String, JsonNode> results = new HashMap<>();
        out.lines().filter(l -> l.startsWith("{")).forEach(line -> {
            JsonNode json = JsonMapper.shared().readTree(line);
            results.put(json.get("file").asString(), json.get("tokens"));
        });
        return results;
    }

    /** The demo family's vocabulary, cut as {@code pre} says. */
    private Path bytePairs(String pre) throws Exception {
        JsonNode json =
                JsonMapper.shared().readTree(Files.readAllBytes(DemoModels.FOLDER.resolve("demo-base/tokenizer.json")));
        Map<Integer, String> byId = new HashMap<>();
        json.at("/model/vocab").properties().forEach(e -> byId.put(e.getValue().intValue(), e.getKey()));
        Map<Integer, String> added = new HashMap<>();
        json.get("added_tokens")
                .forEach(t -> added.put(t.get("id").intValue(), t.get("content").asString()));
        byId.putAll(added);
        List<String> tokens = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        for (int id = 0; id < byId.size(); id++) {
            tokens.add(byId.get(id));
            types.add(added.containsKey(id) ? CONTROL : 1);
        }
        List<String> merges = new ArrayList<>();
        json.at("/model/merges")
                .forEach(m -> merges.add(m.get(0).asString() + " " + m.get(1).asString()));
        GgufWriter out = model(tokens.size());
        out.put("tokenizer.ggml.model", "gpt2").put("tokenizer.ggml.pre", pre);
        out.put("tokenizer.ggml.tokens", tokens).put("tokenizer.ggml.token_type", types);
        out.put("tokenizer.ggml.merges", merges).put("tokenizer.ggml.eos_token_id", tokens.size() - 1);
        out.put("tokenizer.ggml.add_bos_token", false);
        Path file = root.resolve(pre + ".gguf");
        out.write(file);
        return file;
    }

    /** A vocabulary of bytes, letters and some words, better ones with higher scores, as SentencePiece's trainer leaves it. */
    private Path sentencePiece(boolean prefix) throws Exception {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Integer> types = new ArrayList<>(List.of(UNKNOWN, CONTROL, CONTROL));
        List<Float> scores = new ArrayList<>(List.of(0f, 0f, 0f));
        for (int b = 0; b < 256; b++) {
            tokens.add("<0x%02X>".formatted(b));
            types.add(BYTE);
            scores.add(0f);
        }
        List<String> merged = List.of(
                "th",
                "▁t",
                "he",
                "▁th",
                "▁the",
                "in",
                "an",
                "at",
                "▁o",
                "wl",
                "▁owl",
                "ap",
                "it",
                "al",
                "▁c",
                "▁cap",
                "▁capit",
                "▁capital",
                "▁a",
                "▁i",
                "is",
                "▁is",
                "ha",
                "▁W",
                "▁Wha",
                "▁What",
                "ow",
                "▁▁",
                "Ja",
                "▁Ja",
                "pan",
                "▁Japan",
                "re",
                "▁the▁owl",
                "12",
                "34",
                "pa");
        for (int i = 0; i < merged.size(); i++) {
            tokens.add(merged.get(i));
            types.add(1);
            scores.add((float) -i);
        }
        int rank = merged.size();
        for (String letter : "▁ abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;?!'é東".split("")) {
            if (!tokens.contains(letter) && !letter.equals(" ")) {
                tokens.add(letter);
                types.add(1);
                scores.add((float) -rank++);
            }
        }
        GgufWriter out = model(tokens.size());
        out.put("tokenizer.ggml.model", "llama").put("tokenizer.ggml.tokens", tokens);
        out.put("tokenizer.ggml.scores", scores).put("tokenizer.ggml.token_type", types);
        out.put("tokenizer.ggml.bos_token_id", 1).put("tokenizer.ggml.eos_token_id", 2);
        out.put("tokenizer.ggml.unknown_token_id", 0).put("tokenizer.ggml.add_bos_token", false);
        out.put("tokenizer.ggml.add_space_prefix", prefix);
        Path file = root.resolve("spm" + prefix + ".gguf");
        out.write(file);
        return file;
    }

    /** What a file needs besides its tokenizer. */
    private static GgufWriter model(int vocabulary) {
        GgufWriter out = new GgufWriter();
        out.put("general.architecture", "llama").put("general.name", "tiny").put("general.alignment", 32);
        out.put("llama.block_count", 1).put("llama.context_length", 128).put("llama.embedding_length", 32);
        out.put("llama.feed_forward_length", 32).put("llama.attention.head_count", 1);
        out.put("llama.attention.head_count_kv", 1).put("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        out.put("llama.rope.dimension_count", 32).put("llama.vocab_size", vocabulary);
        out.tensor("token_embd.weight", DType.F32, new byte[vocabulary * 32 * 4], vocabulary, 32);
        out.tensor("output_norm.weight", DType.F32, new byte[32 * 4], 32);
        for (String name : List.of("attn_norm", "ffn_norm")) {
            out.tensor("blk.0." + name + ".weight", DType.F32, new byte[32 * 4], 32);
        }
        for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")) {
            out.tensor("blk.0." + name + ".weight", DType.F32, new byte[32 * 32 * 4], 32, 32);
        }
        return out;
    }
}
