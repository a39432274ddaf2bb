package io.ashlar.model.format;

import io.ashlar.model.CheckpointException;
import io.ashlar.model.Fields;
import io.ashlar.model.GenerationDefaults;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Hugging Face checkpoint: a folder with config.json, safetensors in one or many shards, and a tokenizer. */
final class HuggingFaceFolder implements Checkpoint {
    private final Path folder;
    private final Arena arena = Arena.ofShared();
    private final Map<String, StoredTensor> tensors = new HashMap<>();

    HuggingFaceFolder(Path folder) {
        this.folder = folder;
        if (!Files.isDirectory(folder)) {
            throw new CheckpointException(folder + " is not a folder that can be read; give a GGUF file, or the folder"
                    + " of a model (config.json and *.safetensors) or of an adapter (adapter_config.json)");
        }
        if (!isAdapter() && !Files.isRegularFile(folder.resolve("config.json"))) {
            throw new CheckpointException(
                    folder + " has neither config.json nor adapter_config.json; it is not a model folder");
        }
        try {
            openTensors(isAdapter() ? "adapter_model" : "model");
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private void openTensors(String stem) {
        Path index = folder.resolve(stem + ".safetensors.index.json");
        if (Files.exists(index)) {
            Fields map = json(stem + ".safetensors.index.json").object("weight_map");
            Set<String> shards = new LinkedHashSet<>();
            map.node().properties().forEach(e -> shards.add(e.getValue().asString("")));
            for (String shard : shards) {
                if (!Path.of(shard).getFileName().toString().equals(shard)) {
                    throw new CheckpointException(index + ": shard '" + shard + "' must be a plain file name");
                }
                tensors.putAll(Safetensors.open(folder.resolve(shard), arena));
            }
            return;
        }
        Path single = folder.resolve(stem + ".safetensors");
        if (!Files.exists(single)) {
            throw new CheckpointException(folder + " has no " + stem + ".safetensors and no index of shards");
        }
        tensors.putAll(Safetensors.open(single, arena));
    }

    @Override
    public boolean isAdapter() {
        return Files.isRegularFile(folder.resolve("adapter_config.json"));
    }

    @Override
    public Fields config() {
        return json(isAdapter() ? "adapter_config.json" : "config.json");
    }

    @Override
    public StoredTensor tensor(String name) {
        StoredTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(folder + ": tensor '" + name + "' is missing");
        }
        return tensor;
    }

    @Override
    public boolean hasTensor(String name) {
        return tensors.containsKey(name);
    }

    @Override
    public boolean normsStoredWhole() {
        return false;
    }

    @Override
    public Set<String> tensorNames() {
        return tensors.keySet();
    }

    @Override
    public byte[] tokenizer() {
        Path file = folder.resolve("tokenizer.json");
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new CheckpointException(file + " cannot be read: " + e, e);
        }
    }

    /** From chat_template.jinja or tokenizer_config.json. */
    @Override
    public @Nullable String chatTemplate() {
        Path file = folder.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            try {
                return Files.readString(file);
            } catch (IOException e) {
                throw new CheckpointException(file + " cannot be read: " + e, e);
            }
        }
        JsonNode template = optional("tokenizer_config.json").path("chat_template");
        if (template.isArray()) {
            for (JsonNode named : template) {
                if (named.path("name").asString("").equals("default")) {
                    return named.path("template").asString("");
                }
            }
            return null;
        }
        return template.isString() ? template.stringValue() : null;
    }

    @Override
    public @Nullable String specialToken(String name) {
        JsonNode token = optional("tokenizer_config.json").path(name);
        if (token.isObject()) {
            token = token.path("content");
        }
        return token.isString() ? token.stringValue() : null;
    }

    @Override
    public GenerationDefaults generationDefaults() {
        JsonNode generation = optional("generation_config.json");
        JsonNode end = generation.has("eos_token_id")
                ? generation.get("eos_token_id")
                : config().node().path("eos_token_id");
        List<Integer> ends = end.isArray()
                ? end.valueStream().map(JsonNode::asInt).toList()
                : end.isIntegralNumber() ? List.of(end.intValue()) : List.of();
        return new GenerationDefaults(
                ends,
                number(generation, "temperature"),
                number(generation, "top_p"),
                generation.path("top_k").isIntegralNumber()
                        ? (Integer) generation.get("top_k").intValue()
                        : null,
                number(generation, "min_p"),
                number(generation, "repetition_penalty"));
    }

    private static @Nullable Double number(JsonNode node, String name) {
        return node.path(name).isNumber() ? (Double) node.get(name).doubleValue() : null;
    }

    private JsonNode optional(String name) {
        return Files.exists(folder.resolve(name))
                ? json(name).node()
                : JsonMapper.shared().createObjectNode();
    }

    private Fields json(String name) {
        Path file = folder.resolve(name);
        try {
            return new Fields(file.toString(), JsonMapper.shared().readTree(Files.readAllBytes(file)));
        } catch (IOException e) {
            throw new CheckpointException(file + " cannot be read: " + e, e);
        } catch (JacksonException e) {
            throw new CheckpointException(file + " is not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
