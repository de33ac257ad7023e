package edgeq.core.bundle

import edgeq.core.image.Pixels
import org.json.JSONException
import org.json.JSONObject

private const val PHOTOS_JSON = "photos.json"
private const val FORMAT = "edgeq-photos"
private const val VERSION = 1L

/** All entries together: nothing in the archive is compressed, so they are no more than the file. */
private const val MOST_BYTES = 64L shl 20

/** edgeq writes 8; of more no phone would be done in a moment. */
private const val MOST_PHOTOS = 64

/**
 * Reads the content of `photos.zip`.
 *
 * @param content of the file.
 * @param variants whose answers are read; others are left in the file.
 * @throws BundleException it is damaged or of a newer version.
 */
internal fun parsePhotos(content: ByteArray, variants: Set<String>): RecordedPhotos {
    val archive = ZipArchive(content, MOST_BYTES, PHOTOS_ZIP)
    val fields = opened(archive.read(PHOTOS_JSON).decodeToString())
    val listed = fields.objects("photos")
    if (listed.isEmpty() || listed.size > MOST_PHOTOS) {
        throw damaged(PHOTOS_ZIP, "expected 1 to $MOST_PHOTOS photos, found ${listed.size}")
    }
    val photos = listed.map { photo(it, archive) }
    if (photos.distinctBy { Triple(it.pixels.width, it.pixels.height, it.pixels.channels) }.size > 1) {
        throw damaged(PHOTOS_ZIP, "expected pixels of one size, found several")
    }
    val answers = fields.objects("variants").filter { it.string("name") in variants }
    return RecordedPhotos(
        input = fields.string("input"),
        photos = photos,
        reference = outputs(fields.fields("reference"), archive, photos.size),
        answers = answers.associate { it.string("name") to answers(it, archive, photos.size) },
    )
}

private fun opened(text: String): JsonFields {
    val json = try {
        JSONObject(text)
    } catch (error: JSONException) {
        throw damaged(PHOTOS_ZIP, "$PHOTOS_JSON: ${shown(error.message)}")
    } catch (_: StackOverflowError) {
        throw damaged(PHOTOS_ZIP, "$PHOTOS_JSON is nested too deeply")
    }
    val version: Any? = json.opt("version")
    if (json.opt("format") != FORMAT || version !is Int || version < 1) {
        throw damaged(PHOTOS_ZIP, "expected the format $FORMAT, found ${shown(json.opt("format"))}")
    }
    if (version > VERSION) {
        throw BundleException("$PHOTOS_ZIP has version $version, this app reads up to $VERSION: update the app")
    }
    return JsonFields(json, file = PHOTOS_JSON)
}

private fun photo(fields: JsonFields, archive: ZipArchive) = RecordedPhoto(
    name = fields.string("name"),
    content = archive.read(fields.string("file")),
    isLossless = fields.flag("lossless"),
    orientation = fields.int("orientation"),
    pixels = pixels(fields.string("pixels"), archive),
)

private fun pixels(name: String, archive: ZipArchive): Pixels {
    val array = parseNpy(archive.read(name), name, PHOTOS_ZIP)
    val shape = array.shape
    if (array.type != NpyType.UINT8 || shape.size != 3 || shape.any { it < 1 } || shape[2] !in setOf(1, 3)) {
        throw damaged(PHOTOS_ZIP, "${shown(name)}: expected pixels [height, width, 1 or 3], found $shape")
    }
    return Pixels(shape[1], shape[0], shape[2], ByteArray(array.count) { array.long(it).toByte() })
}

private fun answers(fields: JsonFields, archive: ZipArchive, n: Int) =
    RecordedAnswers(fields.string("kernel_path"), outputs(fields.fields("outputs"), archive, n))

private fun outputs(fields: JsonFields, archive: ZipArchive, n: Int): Map<String, NpyArray> {
    val outputs = fields.allStrings().mapValues { (_, name) -> parseNpy(archive.read(name), name, PHOTOS_ZIP) }
    if (outputs.isEmpty() || outputs.values.any { it.shape.firstOrNull() != n }) {
        throw damaged(PHOTOS_ZIP, "expected outputs of $n photos, found others")
    }
    return outputs
}
