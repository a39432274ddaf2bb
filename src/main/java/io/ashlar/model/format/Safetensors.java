package io.ashlar.model.format;

import io.ashlar.compute.DType;
import io.ashlar.model.CheckpointException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads a safetensors file: eight bytes of header length, a JSON header of {@code name: {dtype, shape, data_offsets}}, then
 * the data. The file is mapped; tensors are views of it.
 */
final class Safetensors {
    private static final int MAX_HEADER = 100 << 20;
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    private Safetensors() {}

    /** @param arena how long the mapping lives */
    static Map<String, StoredTensor> open(Path file, Arena arena) {
        MemorySegment all = map(file, arena);
        long size = all.byteSize();
        if (size < 8) {
            throw new CheckpointException(file + ": " + size + " bytes are too few for a safetensors file");
        }
        long header = all.get(LONG, 0);
        if (header < 2 || header > MAX_HEADER || 8 + header > size) {
            throw new CheckpointException(file + ": the header should take " + header + " bytes, but the file has "
                    + size + "; it is damaged, truncated or not a safetensors file");
        }
        byte[] json = all.asSlice(8, header).toArray(ValueLayout.JAVA_BYTE);
        JsonNode root;
        try {
            root = JsonMapper.shared().readTree(new String(json, StandardCharsets.UTF_8));
        } catch (JacksonException e) {
            throw new CheckpointException(file + ": the header is not JSON: " + e.getOriginalMessage(), e);
        }
        MemorySegment data = all.asSlice(8 + header);
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        root.properties().forEach(entry -> {
            if (!entry.getKey().equals("__metadata__")) {
                tensors.put(entry.getKey(), tensor(file, entry.getKey(), entry.getValue(), data));
            }
        });
        return tensors;
    }

    /** The whole file, to read only. */
    static MemorySegment map(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw new CheckpointException(file + " cannot be read: " + e, e);
        }
    }

    private static StoredTensor tensor(Path file, String name, JsonNode entry, MemorySegment data) {
        JsonNode offsets = entry.path("data_offsets");
        JsonNode shapeNode = entry.path("shape");
        if (!offsets.isArray() || offsets.size() != 2 || !shapeNode.isArray()) {
            throw new CheckpointException(file + ": tensor '" + name + "' has no shape or no data_offsets");
        }
        long[] shape = new long[shapeNode.size()];
        long elements = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = shapeNode.get(i).asLong();
            elements = Math.multiplyExact(elements, shape[i]);
        }
        String typeName = entry.path("dtype").asString("");
        DType type = typeOf(typeName);
        if (type == null) {
            throw new CheckpointException(
                    file + ": tensor '" + name + "' has dtype '" + typeName + "'; supported are BF16, F16 and F32");
        }
        long begin = offsets.get(0).asLong();
        long end = offsets.get(1).asLong();
        if (begin < 0 || end > data.byteSize() || end - begin != elements * type.blockBytes()) {
            throw new CheckpointException(file + ": tensor '" + name + "' should be at bytes " + begin + " to " + end
                    + " of " + data.byteSize() + "; the file is damaged or truncated");
        }
        return new StoredTensor(name, type, shape, data.asSlice(begin, end - begin));
    }

    private static @Nullable DType typeOf(String name) {
        return switch (name) {
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            default -> null;
        };
    }
}
