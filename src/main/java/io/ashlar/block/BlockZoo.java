package io.ashlar.block;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * The store of all blocks on disk: {@code <root>/ab/abcd...}, each file named by the SHA-256 of its content and written
 * once (to a temporary name, synced, then moved), however many chains use it. Tokenizers are kept the same way.
 */
public final class BlockZoo {
    private final Path root;
    private final Path temporary;

    public BlockZoo(Path root) {
        this.root = root;
        this.temporary = root.resolve("tmp");
        try {
            Files.createDirectories(temporary);
        } catch (IOException e) {
            throw new UncheckedIOException("the block zoo " + root + " cannot be created", e);
        }
    }

    /** Stores a block, unless it is there already, and returns its name. */
    public String put(List<BlockTensor> tensors) {
        return store(out -> BlockFile.write(tensors, out));
    }

    public String putFile(byte[] content) {
        return store(out -> out.write(content));
    }

    public byte[] file(String name) {
        try {
            return Files.readAllBytes(path(name));
        } catch (IOException e) {
            throw new UncheckedIOException("the block zoo lacks the file " + name, e);
        }
    }

    List<BlockTensor> map(String name, Arena arena) {
        return BlockFile.map(path(name), arena);
    }

    /** Bytes of a block or file on disk. */
    public long bytes(String name) {
        try {
            return Files.size(path(name));
        } catch (IOException e) {
            throw new UncheckedIOException("the block zoo lacks the block " + name, e);
        }
    }

    /**
     * Runs a change of what is stored and what refers to it. Imports and sweeps of all processes take turns, so that no
     * sweep removes a block between its import and its first reference.
     */
    public <T> T exclusively(Supplier<T> change) {
        synchronized (this) {
            try (FileChannel channel = FileChannel.open(
                            root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                assert lock.isValid();
                return change.get();
            } catch (IOException e) {
                throw new UncheckedIOException("the lock of the block zoo " + root + " cannot be taken", e);
            }
        }
    }

    /** Removes all that is not in {@code keep}; returns the bytes freed. Call it {@link #exclusively}. */
    public long sweep(Set<String> keep) {
        long freed = 0;
        try (Stream<Path> files = Files.walk(root, 2)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path place = root.relativize(file);
                boolean abandoned = place.startsWith("tmp");
                boolean stored = place.getNameCount() == 2 && !abandoned;
                if (abandoned || (stored && !keep.contains(place.getFileName().toString()))) {
                    freed += Files.size(file);
                    Files.delete(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the block zoo " + root + " cannot be swept", e);
        }
        return freed;
    }

    private Path path(String name) {
        return root.resolve(name.substring(0, 2)).resolve(name);
    }

    @FunctionalInterface
    private interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    private String store(Content content) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            Path draft = Files.createTempFile(temporary, "block", "");
            try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE);
                    OutputStream out = new BufferedOutputStream(
                            new DigestOutputStream(java.nio.channels.Channels.newOutputStream(channel), digest))) {
                content.writeTo(out);
                out.flush();
                channel.force(true);
            }
            String name = HexFormat.of().formatHex(digest.digest());
            Path target = path(name);
            if (Files.exists(target)) {
                Files.delete(draft);
                return name;
            }
            Files.createDirectories(target.getParent());
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
            return name;
        } catch (IOException e) {
            throw new UncheckedIOException("the block zoo " + root + " cannot be written", e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
