plugins {
    alias(libs.plugins.android.application)
}

val runtime: String = providers.gradleProperty("edgeq.runtime").get()
require(runtime == "litert" || runtime == "tensorflow-lite") {
    "edgeq.runtime is $runtime, expected litert or tensorflow-lite"
}

android {
    namespace = "edgeq.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "edgeq.demo"
        // LiteRT 2.3 asks for Android 7; TensorFlow Lite and this app run from Android 6.
        minSdk = if (runtime == "litert") 24 else 23
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
        ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64") }
    }

    // A model that is stored as it is can be mapped into memory.
    androidResources { noCompress += "tflite" }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }

    // The tests of the screens compute with what the core's tests compute with.
    sourceSets { named("test") { kotlin.directories.add("../core/src/test/kotlin/edgeq/core/jvm") } }

    testOptions {
        unitTests {
            isIncludeAndroidResources = true
            all { test ->
                // Android's own code looks into file descriptors when it closes one.
                test.jvmArgs("--add-opens=java.base/java.io=ALL-UNNAMED")
                test.systemProperty("edgeq.bundle", "$projectDir/src/main/assets/edgeq")
                // libLiteRt.so of Python's package ai-edge-litert.
                providers.gradleProperty("edgeq.libLiteRt").orNull?.let { test.systemProperty("edgeq.libLiteRt", it) }
            }
        }
    }

    // Says which runtime is inside: resources of a build type come before those of src/main.
    if (runtime == "litert") {
        sourceSets {
            named("debug") { res.directories.add("src/litert/res") }
            named("release") { res.directories.add("src/litert/res") }
        }
    }
}

kotlin {
    compilerOptions { allWarningsAsErrors = true }
}

dependencies {
    implementation(project(":core"))
    implementation(if (runtime == "litert") libs.litert else libs.tensorflow.lite)

    testImplementation(libs.jna)
    testImplementation(libs.junit.jupiter)
    testImplementation(libs.junit4)
    testImplementation(libs.robolectric)
}
