package io.ashlar.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.DType;
import io.ashlar.compute.OutOfDeviceMemoryException;
import io.ashlar.compute.Panels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class CudaDeviceTest {
    private static MemorySegment panels(float largest) {
        int columns = 32;
        MemorySegment[] rows = new MemorySegment[16];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arena.ofAuto().allocate(columns * 2L, 8);
            short bits = (short) (Float.floatToIntBits(i == 7 ? largest : 0.5f) >>> 16);
            rows[i].setAtIndex(ValueLayout.JAVA_SHORT, 5, bits);
        }
        MemorySegment packed = Arena.ofAuto().allocate(Panels.bytes(DType.BF16, 16, columns), 64);
        Panels.pack(DType.BF16, rows, columns, packed);
        return packed;
    }

    @Test
    void weights_that_halves_cannot_hold_are_refused_with_their_size() {
        try (CudaDevice device = EmulatedGpu.device("cuda:0", 128 << 20)) {
            device.matrix(panels(4000), DType.BF16, 16, 32).data().close();
            assertThatThrownBy(() -> device.matrix(panels(5120), DType.BF16, 16, 32))
                    .hasMessageContaining("a weight is 5120.0 in size");
            assertThat(device.memory().weights()).isZero();
        }
    }

    @Test
    void uploads_longer_than_a_stage_arrive_whole() {
        try (CudaDevice device = EmulatedGpu.device("cuda:0", 256 << 20)) {
            MemorySegment much = Arena.ofAuto().allocate(70 << 20, 64);
            for (long i = 0; i < much.byteSize(); i += 4096) {
                much.set(ValueLayout.JAVA_LONG, i, i * 31);
            }
            MemorySegment back = Arena.ofAuto().allocate(much.byteSize(), 64);
            device.transfers().download(CudaDevice.address(device.upload(much)), back);
            assertThat(much.mismatch(back)).isEqualTo(-1);
        }
    }

    @Test
    void a_gpu_without_enough_free_memory_is_refused_with_numbers() {
        assertThatThrownBy(() -> new CudaDevice("cuda:1", EmulatedGpu.open(128 << 20), 100 << 20, 0))
                .isInstanceOf(OutOfDeviceMemoryException.class)
                .hasMessageContaining("cuda:1 (Emulated) has only 134217728 bytes free");
    }
}
