package io.ashlar.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.Device;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.compute.cuda.CudaDevices;
import io.ashlar.compute.cuda.CudaException;
import io.ashlar.compute.cuda.Driver;
import io.ashlar.compute.cuda.EmulatedGpu;
import io.ashlar.compute.cuda.Gpu;
import io.ashlar.compute.cuda.GpuProperties;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.springframework.util.unit.DataSize;

class DeviceSelectionTest {
    private static final AshlarProperties.Gpu LIMITS =
            new AshlarProperties.Gpu(DataSize.ofMegabytes(1), DataSize.ofMegabytes(0), 0.4);

    private record FakeDriver(int version, List<GpuProperties> gpus) implements Driver {
        @Override
        public Gpu open(int ordinal) {
            return EmulatedGpu.open(128 << 20);
        }
    }

    private static GpuProperties gpu(int ordinal, int major) {
        return new GpuProperties(ordinal, "Test GPU", major, 0, 10, 128 << 20, 100 << 10);
    }

    private static List<String> open(String setting, Supplier<Driver> driver) {
        List<Device> devices = DeviceSelection.open(setting, () -> new CpuDevice(1), new CudaDevices(driver), LIMITS);
        List<String> names = devices.stream().map(Device::name).toList();
        devices.forEach(Device::close);
        return names;
    }

    private static Supplier<Driver> two() {
        return () -> new FakeDriver(12_040, List.of(gpu(0, 9), gpu(1, 8)));
    }

    private static Supplier<Driver> none() {
        return () -> {
            throw new CudaException("no NVIDIA driver");
        };
    }

    @Test
    void auto_takes_all_gpus_or_else_the_cpu() {
        assertThat(open("auto", two())).containsExactly("cuda:0", "cuda:1");
        assertThat(open("auto", none())).containsExactly("cpu");
        assertThat(open("auto", () -> new FakeDriver(12_040, List.of()))).containsExactly("cpu");
    }

    @Test
    void auto_leaves_out_what_it_cannot_use() {
        assertThat(open("auto", () -> new FakeDriver(12_040, List.of(gpu(0, 7), gpu(1, 8)))))
                .containsExactly("cuda:1");
        assertThat(open("auto", () -> new FakeDriver(11_020, List.of(gpu(0, 9)))))
                .containsExactly("cpu");
    }

    @Test
    void a_list_is_taken_by_its_word() {
        assertThat(open("cuda:1, cpu", two())).containsExactly("cuda:1", "cpu");
        assertThat(open("cpu", none())).containsExactly("cpu");
    }

    @Test
    void what_cannot_be_had_is_named() {
        assertThatThrownBy(() -> open("cuda:0", none())).hasMessage("devices: no NVIDIA driver");
        assertThatThrownBy(() -> open("cuda:2", two()))
                .hasMessageContaining("there is no cuda:2: the NVIDIA driver shows 2 GPU(s)");
        assertThatThrownBy(() -> open("gpu", two())).hasMessageContaining("'gpu' is not a device");
        assertThatThrownBy(() -> open("cpu,cpu", two())).hasMessageContaining("cpu is named twice");
        assertThatThrownBy(() -> open("cuda:0", () -> new FakeDriver(11_020, List.of(gpu(0, 9)))))
                .hasMessageContaining(
                        "the NVIDIA driver speaks CUDA 11.2, and the kernels need CUDA 11.4 (driver 470)");
        assertThatThrownBy(() -> open("cuda:0", () -> new FakeDriver(12_040, List.of(gpu(0, 7)))))
                .hasMessageContaining("compute capability 7.0, and the kernels need 8.0");
    }
}
