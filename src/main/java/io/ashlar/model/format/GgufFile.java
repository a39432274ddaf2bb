package io.ashlar.model.format;

import io.ashlar.compute.DType;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.Fields;
import io.ashlar.model.GenerationDefaults;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A model in one GGUF file, version 3 (or 2, which differs in nothing that matters here). */
final class GgufFile implements Checkpoint {
    private static final int MAGIC = 0x46554747;
    private static final int MOST_DIMENSIONS = 4;
    private static final Map<Integer, DType> TYPES = Map.of(
            0,
            DType.F32,
            1,
            DType.F16,
            2,
            DType.Q4_0,
            8,
            DType.Q8_0,
            12,
            DType.Q4_K,
            13,
            DType.Q5_K,
            14,
            DType.Q6_K,
            30,
            DType.BF16);

    private final Path file;
    private final Arena arena = Arena.ofShared();
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final Map<String, StoredTensor> tensors;
    private final GgufNames names;

    private record Info(String name, long[] shape, int type, long offset) {}

    GgufFile(Path file) {
        this.file = file;
        try {
            Map<String, StoredTensor> stored = read(Safetensors.map(file, arena));
            this.names = GgufNames.of(file.toString(), metadata, stored);
            this.tensors = names.rename(stored);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private Map<String, StoredTensor> read(MemorySegment all) {
        GgufReader in = new GgufReader(file, all);
        if (all.byteSize() < 24 || in.int32("the magic") != MAGIC) {
            throw new CheckpointException(file + " is not a GGUF file: it does not begin with 'GGUF'");
        }
        int version = in.int32("the version");
        if (version != 2 && version != 3) {
            throw new CheckpointException(
                    file + ": GGUF version " + version + " is not supported; versions 2 and 3 are");
        }
        long tensorCount = in.count("the number of tensors");
        long entries = in.count("the number of metadata entries");
        for (long i = 0; i < entries; i++) {
            String key = in.text("the key of metadata entry " + i);
            metadata.put(key, in.value("metadata '" + key + "'"));
        }
        List<Info> infos = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            infos.add(info(in, "tensor " + i + " of " + tensorCount));
        }
        long align = metadata.get("general.alignment") instanceof Number n ? n.longValue() : 32;
        if (align < 1 || Long.bitCount(align) != 1) {
            throw new CheckpointException(file + ": 'general.alignment' must be a power of two, but is " + align);
        }
        long data = (in.position() + align - 1) / align * align;
        Map<String, StoredTensor> stored = new LinkedHashMap<>();
        for (Info info : infos) {
            stored.put(info.name, tensor(info, all, data));
        }
        return stored;
    }

    private static Info info(GgufReader in, String where) {
        String name = in.text("the name of " + where);
        int dimensions = in.int32("the dimensions of '" + name + "'");
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw in.damaged("tensor '" + name + "' has " + dimensions + " dimensions");
        }
        long[] shape = new long[dimensions];
        for (int d = dimensions - 1; d >= 0; d--) {
            shape[d] = in.count("a dimension of '" + name + "'");
        }
        return new Info(name, shape, in.int32("the type of '" + name + "'"), in.int64("the offset of '" + name + "'"));
    }

    private StoredTensor tensor(Info info, MemorySegment all, long data) {
        DType type = TYPES.get(info.type);
        if (type == null) {
            throw new CheckpointException(file + ": tensor '" + info.name + "' has type " + info.type
                    + "; supported are F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K and Q6_K");
        }
        long columns = info.shape[info.shape.length - 1];
        long rows = 1;
        for (int d = 0; d < info.shape.length - 1; d++) {
            // More rows than bytes cannot be; so nothing below overflows.
            rows = info.shape[d] > all.byteSize()
                    ? all.byteSize() + 1
                    : Math.min(rows * info.shape[d], all.byteSize() + 1);
        }
        if (columns % type.blockElements() != 0) {
            throw new CheckpointException(file + ": tensor '" + info.name + "' has rows of " + columns
                    + " elements, which are no whole blocks of " + type);
        }
        long size =
                Math.multiplyHigh(rows, type.rowBytes(columns)) != 0 ? Long.MAX_VALUE : rows * type.rowBytes(columns);
        long at = data + info.offset;
        if (info.offset < 0 || info.offset > all.byteSize() || size < 0 || size > all.byteSize() - at) {
            throw new CheckpointException(
                    file + ": tensor '" + info.name + "' should have " + size + " bytes from byte " + at
                            + " on, but the file has " + all.byteSize() + "; it is damaged or truncated");
        }
        return new StoredTensor(info.name, type, info.shape, all.asSlice(at, size));
    }

    @Override
    public boolean isAdapter() {
        return false;
    }

    @Override
    public Fields config() {
        return new Fields(file.toString(), names.config());
    }

    @Override
    public StoredTensor tensor(String name) {
        StoredTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(file + ": the tensor that other formats call '" + name + "' is missing");
        }
        return tensor;
    }

    @Override
    public boolean hasTensor(String name) {
        return tensors.containsKey(name);
    }

    @Override
    public Set<String> tensorNames() {
        return tensors.keySet();
    }

    private GgufTokenizer words() {
        return new GgufTokenizer(file.toString(), metadata);
    }

    @Override
    public byte[] tokenizer() {
        return words().json();
    }

    @Override
    public @Nullable String chatTemplate() {
        return metadata.get("tokenizer.chat_template") instanceof String template ? template : null;
    }

    @Override
    public @Nullable String specialToken(String name) {
        return words().special(name);
    }

    @Override
    public GenerationDefaults generationDefaults() {
        return new GenerationDefaults(words().endTokens(), null, null, null, null, null);
    }

    @Override
    public boolean normsStoredWhole() {
        return true;
    }

    @Override
    public void close() {
        arena.close();
    }
}
