package io.ashlar.block;

import io.ashlar.compute.DType;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/**
 * The bytes of a block: a magic word, the length of the layout, the layout as JSON, then each tensor's data at a multiple
 * of 64 bytes, as kernels read it. The same tensors in the same order always give the same bytes, so their SHA-256 is the block's name.
 */
final class BlockFile {
    private static final byte[] MAGIC = "ASHBLK02".getBytes(StandardCharsets.US_ASCII);
    private static final int ALIGN = 64;
    private static final int CHUNK = 1 << 20;

    private BlockFile() {}

    static void write(List<BlockTensor> tensors, OutputStream out) throws IOException {
        ArrayNode layout = JsonMapper.shared().createArrayNode();
        for (BlockTensor t : tensors) {
            layout.addObject()
                    .put("role", t.role())
                    .put("type", t.type().name())
                    .put("rows", t.rows())
                    .put("columns", t.columns())
                    .put("vector", t.vector());
        }
        byte[] json = layout.toString().getBytes(StandardCharsets.UTF_8);
        out.write(MAGIC);
        out.write(ByteBuffer.allocate(4).putInt(json.length).array());
        out.write(json);
        pad(out, MAGIC.length + 4L + json.length);
        byte[] chunk = new byte[CHUNK];
        for (BlockTensor t : tensors) {
            long size = t.bytes();
            for (long at = 0; at < size; at += CHUNK) {
                int n = (int) Math.min(CHUNK, size - at);
                MemorySegment.copy(t.data(), ValueLayout.JAVA_BYTE, at, chunk, 0, n);
                out.write(chunk, 0, n);
            }
            pad(out, size);
        }
    }

    private static void pad(OutputStream out, long written) throws IOException {
        out.write(new byte[(int) (aligned(written) - written)]);
    }

    private static long aligned(long at) {
        return (at + ALIGN - 1) / ALIGN * ALIGN;
    }

    private static final byte[] FIRST_MAGIC = "ASHBLK01".getBytes(StandardCharsets.US_ASCII);

    /** Maps a block; its tensors are views that live as long as the arena. */
    static List<BlockTensor> map(Path file, Arena arena) {
        MemorySegment all;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw new UncheckedIOException("block " + file + " cannot be read", e);
        }
        int head = MAGIC.length + 4;
        if (all.byteSize() >= head
                && MemorySegment.mismatch(
                                MemorySegment.ofArray(FIRST_MAGIC), 0, FIRST_MAGIC.length, all, 0, FIRST_MAGIC.length)
                        < 0) {
            throw new IllegalStateException(
                    "block " + file
                            + " was stored by an earlier version in another layout; remove the models that use it and import them again");
        }
        if (all.byteSize() < head
                || MemorySegment.mismatch(MemorySegment.ofArray(MAGIC), 0, MAGIC.length, all, 0, MAGIC.length) >= 0) {
            throw damaged(file);
        }
        int length = ByteBuffer.wrap(all.asSlice(MAGIC.length, 4).toArray(ValueLayout.JAVA_BYTE))
                .getInt();
        if (length < 0 || head + (long) length > all.byteSize()) {
            throw damaged(file);
        }
        JsonNode layout = JsonMapper.shared()
                .readTree(new String(all.asSlice(head, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
        List<BlockTensor> tensors = new ArrayList<>();
        long at = aligned(head + (long) length);
        for (JsonNode entry : layout) {
            DType type = DType.valueOf(entry.path("type").asString());
            int rows = entry.path("rows").asInt();
            int columns = entry.path("columns").asInt();
            boolean vector = entry.path("vector").asBoolean();
            long size = BlockTensor.bytes(type, rows, columns, vector);
            if (at + size > all.byteSize()) {
                throw damaged(file);
            }
            tensors.add(
                    new BlockTensor(entry.path("role").asString(), type, rows, columns, vector, all.asSlice(at, size)));
            at += aligned(size);
        }
        return tensors;
    }

    private static IllegalStateException damaged(Path file) {
        return new IllegalStateException(
                "block " + file + " is damaged; remove the models that use it and import them again");
    }
}
