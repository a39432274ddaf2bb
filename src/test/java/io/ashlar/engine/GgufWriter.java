package io.ashlar.engine;

import io.ashlar.compute.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes GGUF files, version 3. */
final class GgufWriter {
    private static final int ALIGN = 32;
    private static final Map<DType, Integer> TYPES = Map.of(
            DType.F32,
            0,
            DType.F16,
            1,
            DType.BF16,
            30,
            DType.Q8_0,
            8,
            DType.Q4_0,
            2,
            DType.Q4_K,
            12,
            DType.Q5_K,
            13,
            DType.Q6_K,
            14);

    private record Tensor(DType type, long[] shape, byte[] data) {}

    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    GgufWriter put(String key, Object value) {
        metadata.put(key, value);
        return this;
    }

    /** @param shape outermost first */
    void tensor(String name, DType type, byte[] data, long... shape) {
        tensors.put(name, new Tensor(type, shape, data));
    }

    void write(Path file) throws IOException {
        Out out = new Out();
        out.int32(0x46554747).int32(3).int64(tensors.size()).int64(metadata.size());
        metadata.forEach((key, value) -> out.text(key).value(value));
        long at = 0;
        for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
            Tensor t = e.getValue();
            out.text(e.getKey()).int32(t.shape.length);
            for (int d = t.shape.length - 1; d >= 0; d--) {
                out.int64(t.shape[d]);
            }
            out.int32(TYPES.get(t.type)).int64(at);
            at += aligned(t.data.length);
        }
        out.pad();
        for (Tensor t : tensors.values()) {
            out.bytes.writeBytes(t.data);
            out.pad();
        }
        Files.write(file, out.bytes.toByteArray());
    }

    private static long aligned(long size) {
        return (size + ALIGN - 1) / ALIGN * ALIGN;
    }

    private static final class Out {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Out int32(int v) {
            bytes.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(v)
                    .array());
            return this;
        }

        Out int64(long v) {
            bytes.writeBytes(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(v)
                    .array());
            return this;
        }

        Out text(String s) {
            byte[] b = s.getBytes(StandardCharsets.UTF_8);
            int64(b.length);
            bytes.writeBytes(b);
            return this;
        }

        void value(Object v) {
            int32(type(v));
            bare(v);
        }

        private static int type(Object v) {
            return switch (v) {
                case Integer _ -> 4;
                case Float _ -> 6;
                case Boolean _ -> 7;
                case String _ -> 8;
                case List<?> _ -> 9;
                default -> throw new IllegalArgumentException("no GGUF type for " + v.getClass());
            };
        }

        private void bare(Object v) {
            switch (v) {
                case Integer i -> int32(i);
                case Float f -> int32(Float.floatToIntBits(f));
                case Boolean b -> bytes.write(b ? 1 : 0);
                case String s -> text(s);
                case List<?> list -> {
                    // Token types are signed in GGUF.
                    int type = list.getFirst() instanceof Integer ? 5 : type(list.getFirst());
                    int32(type).int64(list.size());
                    list.forEach(this::bare);
                }
                default -> throw new IllegalArgumentException("no GGUF type for " + v.getClass());
            }
        }

        void pad() {
            while (bytes.size() % ALIGN != 0) {
                bytes.write(0);
            }
        }
    }
}
