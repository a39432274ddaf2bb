package io.ashlar.model.format;

import io.ashlar.model.CheckpointException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The tokenizer inside a GGUF file, as the tokenizer.json that the tokenizer library reads. */
final class GgufTokenizer {
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final String SPACE = "\u2581";

    // How a text is cut before merging, by the file's "pre"; the expressions are those of the models' own tokenizers.
    private static final String LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String QWEN2 = LLAMA3.replace("\\p{N}{1,3}", "\\p{N}");
    private static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
    private static final Map<String, List<String>> CUTS = Map.of(
            "gpt-2", List.of(GPT2 + "|\\s+"),
            "default", List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"),
            "llama-bpe", List.of(LLAMA3),
            "qwen2", List.of(QWEN2),
            "smollm", List.of("\\p{N}", GPT2 + "|\\s+"));
    private static final Map<String, String> SAME_AS =
            Map.of("gpt2", "gpt-2", "llama3", "llama-bpe", "llama-v3", "llama-bpe", "deepseek-r1-qwen", "qwen2");

    private final String source;
    private final Map<String, Object> metadata;
    private final List<String> tokens;
    private final List<Long> types;

    GgufTokenizer(String source, Map<String, Object> metadata) {
        this.source = source;
        this.metadata = metadata;
        this.tokens = list("tokens", o -> (String) o);
        this.types = metadata.containsKey("tokenizer.ggml.token_type") ? list("token_type", o -> (Long) o) : List.of();
        if (tokens.isEmpty()) {
            throw new CheckpointException(source + ": 'tokenizer.ggml.tokens' is missing; the file has no tokenizer");
        }
    }

    private <T> List<T> list(String key, Function<Object, T> cast) {
        Object value = metadata.get("tokenizer.ggml." + key);
        if (!(value instanceof List<?> values)) {
            return List.of();
        }
        try {
            List<T> all = new ArrayList<>(values.size());
            values.forEach(v -> all.add(cast.apply(v)));
            return all;
        } catch (ClassCastException e) {
            throw new CheckpointException(source + ": 'tokenizer.ggml." + key + "' has elements of the wrong type", e);
        }
    }

    private @Nullable String text(String key) {
        return metadata.get("tokenizer.ggml." + key) instanceof String s ? s : null;
    }

    private boolean flag(String key, boolean otherwise) {
        return metadata.get("tokenizer.ggml." + key) instanceof Boolean b ? b : otherwise;
    }

    private @Nullable Integer id(String key) {
        return metadata.get("tokenizer.ggml." + key) instanceof Long id && id >= 0 && id < tokens.size()
                ? id.intValue()
                : null;
    }

    byte[] json() {
        String model = text("model");
        ObjectNode root = JsonMapper.shared().createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        addedTokens(root.putArray("added_tokens"));
        if ("gpt2".equals(model)) {
            bytePairs(root);
        } else if ("llama".equals(model)) {
            sentencePiece(root);
        } else {
            throw new CheckpointException(source + ": the tokenizer model '" + model
                    + "' is not supported; supported are gpt2 (byte-pair encoding) and llama (SentencePiece)");
        }
        beginning(root, "llama".equals(model));
        return JsonMapper.shared().writeValueAsBytes(root);
    }

    private void addedTokens(ArrayNode added) {
        for (int id = 0; id < tokens.size(); id++) {
            int type = id < types.size() ? types.get(id).intValue() : 1;
            if (type == CONTROL || type == USER_DEFINED || type == UNKNOWN) {
                added.addObject()
                        .put("id", id)
                        .put("content", tokens.get(id))
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", type != USER_DEFINED);
            }
        }
    }

    private ObjectNode vocabulary(ObjectNode model) {
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        return vocabulary;
    }

    private void bytePairs(ObjectNode root) {
        String pre = text("pre");
        String kind = pre == null ? "default" : SAME_AS.getOrDefault(pre, pre);
        List<String> cuts = CUTS.get(kind);
        if (cuts == null) {
            throw new CheckpointException(source + ": the pre-tokenizer '" + pre + "' is not supported; supported are "
                    + String.join(", ", CUTS.keySet().stream().sorted().toList()) + " and SentencePiece");
        }
        if (kind.equals("qwen2")) {
            root.putObject("normalizer").put("type", "NFC");
        } else {
            root.putNull("normalizer");
        }
        ArrayNode steps =
                root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        for (String cut : cuts) {
            ObjectNode split = steps.addObject().put("type", "Split");
            split.putObject("pattern").put("Regex", cut);
            split.put("behavior", "Isolated").put("invert", false);
        }
        byteLevel(steps.addObject());
        byteLevel(root.putObject("decoder"));
        ObjectNode model = root.putObject("model").put("type", "BPE");
        model.putNull("dropout")
                .putNull("unk_token")
                .putNull("continuing_subword_prefix")
                .putNull("end_of_word_suffix");
        model.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", kind.equals("llama-bpe"));
        vocabulary(model);
        ArrayNode merges = model.putArray("merges");
        for (String merge : list("merges", o -> (String) o)) {
            int space = merge.indexOf(' ', 1);
            if (space < 0) {
                throw new CheckpointException(source + ": the merge '" + merge + "' is not two tokens");
            }
            merges.addArray().add(merge.substring(0, space)).add(merge.substring(space + 1));
        }
    }

    private static void byteLevel(ObjectNode node) {
        node.put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", false);
    }

    /** SentencePiece's merges by score, spelt out as byte-pair merges: of two pieces that make a third, the better third first. */
    private void sentencePiece(ObjectNode root) {
        boolean prefix = flag("add_space_prefix", true);
        ArrayNode normalizers =
                root.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
        if (prefix) {
            normalizers.addObject().put("type", "Prepend").put("prepend", SPACE);
        }
        ObjectNode replace = normalizers.addObject().put("type", "Replace");
        replace.putObject("pattern").put("String", " ");
        replace.put("content", SPACE);
        root.putNull("pre_tokenizer");
        ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
        ObjectNode back = decoders.addObject().put("type", "Replace");
        back.putObject("pattern").put("String", SPACE);
        back.put("content", " ");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        if (prefix) {
            decoders.addObject()
                    .put("type", "Strip")
                    .put("content", " ")
                    .put("start", 1)
                    .put("stop", 0);
        }
        ObjectNode model = root.putObject("model").put("type", "BPE");
        Integer unknown = id("unknown_token_id");
        model.putNull("dropout").putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        if (unknown == null) {
            model.putNull("unk_token");
        } else {
            model.put("unk_token", tokens.get(unknown));
        }
        model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
        vocabulary(model);
        ArrayNode merges = model.putArray("merges");
        for (Merge merge : mergesByScore()) {
            merges.addArray().add(merge.left).add(merge.right);
        }
    }

    private record Merge(String left, String right, double score, int leftId, int rightId) {}

    private List<Merge> mergesByScore() {
        List<Double> scores = list("scores", o -> (Double) o);
        if (scores.size() != tokens.size()) {
            throw new CheckpointException(source + ": 'tokenizer.ggml.scores' should have " + tokens.size()
                    + " elements, but has " + scores.size());
        }
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < tokens.size(); id++) {
            int type = id < types.size() ? types.get(id).intValue() : 1;
            if (type == 1 || type == USER_DEFINED) {
                ids.putIfAbsent(tokens.get(id), id);
            }
        }
        List<Merge> merges = new ArrayList<>();
        ids.forEach((piece, id) -> {
            for (int i = 1; i < piece.length(); i++) {
                if (Character.isLowSurrogate(piece.charAt(i))) {
                    continue;
                }
                Integer left = ids.get(piece.substring(0, i));
                Integer right = ids.get(piece.substring(i));
                if (left != null && right != null) {
                    merges.add(new Merge(piece.substring(0, i), piece.substring(i), scores.get(id), left, right));
                }
            }
        });
        merges.sort(Comparator.comparingDouble((Merge m) -> -m.score)
                .thenComparingInt(Merge::leftId)
                .thenComparingInt(Merge::rightId));
        return merges;
    }

    private void beginning(ObjectNode root, boolean otherwise) {
        Integer bos = id("bos_token_id");
        if (bos == null || !flag("add_bos_token", otherwise)) {
            root.putNull("post_processor");
            return;
        }
        String token = tokens.get(bos);
        ObjectNode template = root.putObject("post_processor").put("type", "TemplateProcessing");
        for (String kind : List.of("single", "pair")) {
            ArrayNode parts = template.putArray(kind);
            parts.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
            parts.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
            if (kind.equals("pair")) {
                parts.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
            }
        }
        ObjectNode special =
                template.putObject("special_tokens").putObject(token).put("id", token);
        special.putArray("ids").add(bos);
        special.putArray("tokens").add(token);
    }

    @Nullable
    String special(String name) {
        Integer id = switch (name) {
            case "bos_token" -> id("bos_token_id");
            case "eos_token" -> id("eos_token_id");
            case "pad_token" -> id("padding_token_id");
            case "unk_token" -> id("unknown_token_id");
            default -> null;
        };
        return id == null ? null : tokens.get(id);
    }

    /** The end of text and the end of a turn. */
    List<Integer> endTokens() {
        Set<Integer> ends = new LinkedHashSet<>();
        for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
            Integer id = id(key);
            if (id != null) {
                ends.add(id);
            }
        }
        // Files from before those keys: the names that chat models end their turns with.
        for (String name : List.of("<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>")) {
            int id = tokens.indexOf(name);
            if (id >= 0 && id < types.size() && types.get(id) == CONTROL) {
                ends.add(id);
            }
        }
        return List.copyOf(ends);
    }
}
